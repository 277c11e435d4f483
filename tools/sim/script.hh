// SPDX-License-Identifier: GPL-2.0
//
// Script: what a hostile peer does on one of its connections, drawn from the seed: some attacks,
// one after the other and each in a number of turns, and then an end.
#pragma once

#include "tools/sim/scripted_connection.hh"

namespace sim {

class Script {
public:
    Script(ScriptedConnection& connection, Scheduler& scheduler, Report& report, Random random);

    // After whatever has come to the connection.
    void look();
    uint64_t due_ns() const { return due_ns_; }
    void act();

private:
    struct Attack {
        const char* name;
        void (Script::*turn)();
    };
    static const Attack kAttacks[];

    // Where the connection is, as far as this peer can see.
    enum class Stage { kNowhere, kOpening, kOpen, kHostEnding, kHostEnded, kEnding, kBothEnding };
    Stage stage() const;
    void begin_attack();
    void finish();
    void reset();
    void wait(uint64_t max_ns);
    uint32_t near_number(uint64_t number);
    uint64_t beyond(uint64_t number, uint64_t most) { return number + 1 + random_.any_size(most); }

    // The attacks: one turn each.
    void keeps_to_the_rules();
    void acknowledges_the_unsent();
    void divides_acknowledgements();
    void repeats_acknowledgements();
    void reneges();
    void acknowledges_nonsense();
    void shrinks_its_window();
    void shuts_its_window();
    void opens_it_by_bytes();
    void sends_small_pieces();
    void contradicts_itself();
    void sends_old_data();
    void sends_beyond_the_window();
    void ends_at_random();
    void sends_syns();
    void sends_resets();
    void turns_its_clock();
    void echoes_what_was_never_sent();
    void sends_urgent_data();
    void sees_congestion();
    void answers_nothing();

    ScriptedConnection& connection_;
    Scheduler& scheduler_;
    Report& report_;
    Random random_;
    uint64_t due_ns_ = UINT64_MAX;
    bool begun_ = false;
    bool finishing_ = false;
    const Attack* attack_ = nullptr;
    uint64_t turn_ = 0;        // of the attack
    uint64_t turns_left_ = 0;  // after this one
    uint64_t attacks_left_;
    Stage resets_at_ = Stage::kNowhere;
};

}  // namespace sim
