// SPDX-License-Identifier: GPL-2.0
//
// The calls a program makes, by arbitrary structs in any order, as the ioctls hand them on:
// scout/stack.h promises a negative errno for whatever makes no sense.
#include <cerrno>

#include "tools/fuzz/fuzz_host.hh"

namespace {

using namespace fuzz;

class World {
public:
    explicit World(Input& input) : input_(input), machine_(1 + input.below(3)) {}

    void run() {
        for (uint32_t i = 0; i < 128 && input_.more(); ++i) call();
    }

private:
    void call() {
        const uint8_t what = input_.byte();
        if (machine_.endpoints.empty() || what % 16 == 0) return open();
        scout_endpoint* endpoint = machine_.endpoints[input_.byte() % machine_.endpoints.size()];
        const int64_t result = call(what, endpoint);
        require(result >= -133, "an errno, a count, or 0");
        if (what & 0x80) settle();
    }

    int64_t call(uint8_t what, scout_endpoint* endpoint) {
        const dominoes_sockaddr to = some_address();
        switch (what % 16) {
            case 1:
                return scout_bind(endpoint, &to);
            case 2:
                return scout_connect(endpoint, &to);
            case 3:
                return scout_listen(endpoint, input_.dword());
            case 4:
                machine_.accept(endpoint);
                return 0;
            case 5:
                return set_option(endpoint);
            case 6:
                return get_option(endpoint);
            case 7:
                return send_to(endpoint, to);
            case 8:
                return receive_from(endpoint);
            case 9:
                return scout_shutdown(endpoint, input_.byte());
            case 10:
                return names(endpoint);
            case 11:
                return info(endpoint);
            case 12:
                return machine_.write(endpoint, input_.word());
            case 13:
                return machine_.read(endpoint, input_.word());
            case 14:
                return attach();
            default:
                return rest(what, endpoint);
        }
    }

    // Any bytes, or nearly a good address.
    dominoes_sockaddr some_address() {
        if (input_.byte() & 1) return input_.take<dominoes_sockaddr>();
        return address(kOurIp + input_.below(3), input_.byte());
    }

    void open() {
        if (machine_.endpoints.size() < 8) machine_.create(input_.byte() & 1 ? 6 : 17);
        scout_endpoint* none;
        const int protocol = input_.byte();
        if (protocol != 6 && protocol != 17)
            require(scout_endpoint_create(machine_.stack, protocol, nullptr, &none) == -EINVAL,
                    "no such protocol");
    }

    int set_option(scout_endpoint* endpoint) {
        const uint32_t option = input_.byte() & 0x80 ? input_.dword() : input_.below(16);
        int64_t value = input_.byte() & 1 ? static_cast<int64_t>(input_.qword()) : input_.byte();
        // Each connection would get that much memory; and replicas that are made to differ do.
        if (option == 6 || option == 7) value &= 0xffff;
        if (option == 1001) return 0;
        const int error = scout_set_option(endpoint, option, value);
        int64_t is = 0;
        if (error || option < 3 || option >= 1000) return error;
        require(scout_get_option(endpoint, option, &is) == 0, "what was set can be asked for");
        const bool rounded = option == 6 || option == 7;
        require(rounded ? is >= value : is == value, "what was set is set");
        return 0;
    }
    int get_option(scout_endpoint* endpoint) {
        int64_t value;
        return scout_get_option(endpoint, input_.byte() & 1 ? input_.dword() : input_.byte(),
                                &value);
    }

    int64_t send_to(scout_endpoint* endpoint, const dominoes_sockaddr& to) {
        uint8_t memory[2048] = {};
        rig::Iter iter(memory, sizeof memory);
        const size_t bytes = input_.word() % sizeof memory;
        if (input_.byte() & 1) iter.fault_after(input_.byte());
        const int64_t sent =
            scout_send_to(endpoint, input_.byte() & 1 ? &to : nullptr, &iter, bytes);
        require(sent <= static_cast<int64_t>(bytes), "no more than there is");
        return sent;
    }
    int64_t receive_from(scout_endpoint* endpoint) {
        uint8_t memory[2048];
        rig::Iter iter(memory, sizeof memory);
        dominoes_sockaddr from;
        return scout_receive_from(endpoint, &from, &iter, sizeof memory, input_.byte() & 1);
    }

    int names(scout_endpoint* endpoint) {
        dominoes_sockaddr local, peer;
        require(scout_local(endpoint, &local) == 0, "an endpoint has a name");
        return scout_peer(endpoint, &peer);
    }
    int info(scout_endpoint* endpoint) {
        struct dominoes_info info;
        scout_info(endpoint, &info);
        return scout_info_at(machine_.stack, input_.byte() & 1 ? input_.qword() : input_.byte(),
                             &info);
    }

    // A second device is attached, and goes again.
    int attach() {
        struct scout_attach attach {};
        const int cpus[] = {0};
        attach.link = &second_;
        attach.id = 2;
        attach.address = some_address();
        attach.gateway = some_address();
        attach.prefix_len = input_.byte() & 1 ? input_.dword() : input_.below(34);
        attach.replicas = input_.byte() & 1 ? input_.dword() : input_.below(18);
        attach.cpus = cpus;
        attach.cpu_count = input_.below(2);
        scout_nic* nic;
        second_.checked = false;
        const int error = scout_attach(machine_.stack, &attach, &nic);
        if (!error) scout_detach(nic);
        return error;
    }

    int64_t rest(uint8_t what, scout_endpoint* endpoint) {
        switch (what >> 4 & 7) {
            case 0:
                scout_poll(endpoint);
                return -scout_take_error(endpoint);
            case 1:
                return scout_drained(endpoint);
            case 2:
                pass(uint64_t{input_.byte()} << 26);
                return 0;
            case 3:
                rig::fail_allocations(input_.byte());
                return 0;
            case 4:
                return scout_connect_result(endpoint);
            default:
                machine_.close(input_.byte() % machine_.endpoints.size());
                return 0;
        }
    }

    Input& input_;
    FuzzLink second_;
    FuzzHost machine_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    run_as_driver([&] {
        Input input(data, size);
        World world(input);
        world.run();
    });
    return 0;
}
