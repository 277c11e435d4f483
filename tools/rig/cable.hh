// SPDX-License-Identifier: GPL-2.0
//
// What the tests of the whole core have in common: two machines back to back with real threads,
// and a connection between them.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "scout/options.h"
#include "tools/rig/machine.hh"

namespace rig {

inline constexpr uint16_t kPort = 7000;

inline std::vector<uint8_t> random_bytes(size_t count, uint32_t seed) {
    std::mt19937 generator(seed);
    std::vector<uint8_t> bytes(count);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(generator());
    return bytes;
}

// Server and client machine, and the wire between them.
class Cable {
public:
    explicit Cable(uint32_t replicas = 4, bool gso = false) {
        MemoryLink::connect(links_[0], links_[1]);
        links_[1].mac[5] = 2;
        for (int i : {0, 1}) {
            links_[i].gso = gso;
            machines_[i] = std::make_unique<Machine>(
                links_[i], MachineConfig{.address = i ? "10.0.0.2" : "10.0.0.1",
                                         .replicas = replicas,
                                         .cpus = std::vector<int>(replicas, -1)});
            links_[i].on_receive = [this, i](dominoes_packet* packet) {
                return scout_receive(machines_[i]->nic(), packet);
            };
        }
    }
    ~Cable() { stop(); }

    void lose(double loss, double duplicate, uint64_t delay_ns) {
        for (int i : {0, 1}) {
            auto generator = std::make_shared<std::mt19937>(i + 1);
            links_[i].on_transmit = [=](dominoes_packet&) {
                auto chance = [&](double p) {
                    return std::uniform_real_distribution<>(0, 1)(*generator) < p;
                };
                return MemoryLink::Fate{chance(loss), chance(duplicate),
                                        delay_ns ? (*generator)() % delay_ns : 0};
            };
        }
    }
    void start() {
        for (auto& pump : pumps_) pump.start();
    }
    void stop() {
        for (auto& pump : pumps_) pump.stop();
    }
    Machine& server() { return *machines_[0]; }
    Machine& client() { return *machines_[1]; }
    MemoryLink& link(int i) { return links_[i]; }

private:
    MemoryLink links_[2];
    Pump pumps_[2]{Pump(links_[0]),
                   Pump(links_[1])};  // outlives the machines, which transmit to the end
    std::unique_ptr<Machine> machines_[2];
};

struct Pair {
    std::unique_ptr<Socket> client, server;
};

inline Pair connect(Cable& cable, const std::vector<std::pair<uint32_t, int64_t>>& options = {}) {
    Socket listener(cable.server().stack());
    Pair pair{std::make_unique<Socket>(cable.client().stack()), nullptr};
    for (auto [option, value] : options) {
        EXPECT_EQ(0, listener.set(option, value));
        EXPECT_EQ(0, pair.client->set(option, value));
    }
    EXPECT_EQ(0, listener.bind(address("10.0.0.1", kPort)));
    EXPECT_EQ(0, listener.listen());
    EXPECT_EQ(0, pair.client->connect(address("10.0.0.1", kPort)));
    int error = 0;
    pair.server = listener.accept(error);
    EXPECT_EQ(0, error);
    return pair;
}

inline std::vector<uint8_t> read_all(Socket& socket, int64_t& error) {
    std::vector<uint8_t> all, part(100'000);
    while ((error = socket.read(part.data(), part.size())) > 0) {
        all.insert(all.end(), part.begin(), part.begin() + error);
    }
    return all;
}

// Sends `bytes` each way at once, and checks what arrives.
inline void exchange(Pair& pair, size_t bytes) {
    auto one_way = [bytes](Socket& from, uint32_t seed) {
        const auto sent = random_bytes(bytes, seed);
        EXPECT_EQ(static_cast<int64_t>(bytes), from.write(sent.data(), sent.size()));
        EXPECT_EQ(0, from.shutdown(1));
    };
    auto other_way = [bytes](Socket& to, uint32_t seed) {
        int64_t error = 0;
        const auto got = read_all(to, error);
        EXPECT_EQ(0, error);
        EXPECT_TRUE(got == random_bytes(bytes, seed)) << got.size() << " of " << bytes << " bytes";
    };
    std::thread threads[] = {std::thread([&] { one_way(*pair.client, 1); }),
                             std::thread([&] { one_way(*pair.server, 2); }),
                             std::thread([&] { other_way(*pair.client, 2); }),
                             std::thread([&] { other_way(*pair.server, 1); })};
    for (auto& thread : threads) thread.join();
}

inline void expect_consistent(Socket& socket) {
    const auto info = socket.info();
    EXPECT_EQ(0u, info.digest_mismatches);
    if (info.replicas > 1) {
        EXPECT_GT(info.digest_checks, 0u);
    }
}

}  // namespace rig
