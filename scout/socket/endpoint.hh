// SPDX-License-Identifier: GPL-2.0
//
// Endpoint: what a program holds: unbound at first, then a TCP connection, a TCP listener, or a UDP
// endpoint. It decides what an operation means in which state; the work is done by what it stands
// for.
#pragma once

#include "dominoes/use_slot.hh"
#include "scout/connection/appwrap.hh"
#include "scout/connection/connection.hh"
#include "scout/connection/listener.hh"
#include "scout/net/attributes.hh"
#include "scout/net/errors.hh"
#include "scout/net/stack_types.hh"
#include "scout/udp/udp.hh"

namespace scout {

class Nic;
class Stack;

class Endpoint : dominoes::Pinned {
public:
    // nullptr when memory is short. Context: process.
    [[nodiscard]] static Endpoint* create(Stack& stack, uint8_t protocol, void* user);
    Endpoint(Stack& stack, uint8_t protocol, void* user);
    // Lets go of everything and frees the endpoint.
    void close();

    // As in scout/stack.h.
    int bind(const dominoes_sockaddr& address);
    int connect(const dominoes_sockaddr& peer);
    int connect_result();
    int listen(uint32_t backlog);
    int accept(void* user, Endpoint** endpoint, dominoes_sockaddr* peer);
    uint32_t poll();
    int64_t read(dominoes_iter* to, size_t bytes);
    int64_t write(dominoes_iter* from, size_t bytes);
    int shutdown(int how);
    int take_error();
    bool drained();
    int set_option(uint32_t option, int64_t value);
    int get_option(uint32_t option, int64_t* value);
    int local(dominoes_sockaddr* address);
    int peer(dominoes_sockaddr* address);
    int64_t send_to(const dominoes_sockaddr* peer, dominoes_iter* from, size_t bytes);
    int64_t receive_from(dominoes_sockaddr* peer, dominoes_iter* to, size_t bytes, bool peek);
    int info(EndpointInfo* info);

    // --- for the stack, under its mutex ---
    bool is_at(const Nic& nic) const { return nic_ && (nic_ == &nic || any_address_); }
    bool is_tcp() const { return !udp_; }
    uint16_t bound_port() const { return bound_.port; }
    // What there is to tell of it is told by its connection, in its nic's table.
    bool stands_for_connection() const {
        return connection() && !connection()->appwrap().is_over();
    }
    uint64_t id() const { return id_; }
    void fill_info(EndpointInfo& info);
    // There is a further device.
    void gain_nic(Nic& nic);
    // The device is gone.
    void lose_nic(Nic& nic);

    Endpoint* next = nullptr;  // maintained by Stack

private:
    Connection* connection() const { return connection_.load_acquire(); }
    Listener* listener() const { return listener_.load_acquire(); }
    bool fresh() const { return !connection() && !listener(); }
    void wake() {
        dominoes_publish_begin();
        if (user_) dominoes_user_wake(user_, false);
        dominoes_publish_end();
    }
    void bound_everywhere(uint16_t port);
    void unbind();
    int bind_tcp(Nic& nic, uint16_t port);
    int bind_tcp_everywhere(uint16_t port);
    uint16_t pick_port_everywhere();
    int bind_udp(Nic& nic, uint16_t port);
    int bind_udp_everywhere(uint16_t port);
    int connect_udp(const SocketAddress& to);
    int begin_connect(const SocketAddress& to);
    int outcome();
    void disconnect();
    int ensure_bound(IpAddress peer);
    int ensure_port();
    int listen_at(Nic& nic, uint32_t backlog);
    Listener* listener_at(Nic& nic) const;
    void close_listener(Listener& listener);
    void stop_listening();
    int64_t unconnected(Errno otherwise);
    int64_t read_stream(dominoes_iter* to, size_t bytes, bool peek);
    int set_debug(uint32_t option, int64_t value);
    int set_attribute(uint32_t option, int64_t value);
    // Of a listener.
    int set_for_accepted(uint32_t option, int64_t value);
    void update_udp();
    int64_t buffer_now(Attribute which) const;
    bool reset_on_close() const { return attributes_.get(Attribute::kLinger) == 0; }

    Stack& stack_;
    const uint64_t id_;
    void* const user_;
    Attributes attributes_;
    UdpEndpoint* udp_ = nullptr;  // set for UDP from the start
    Nic* nic_ = nullptr;          // where it is bound; the first if at several
    SocketAddress bound_;
    bool any_address_ = false;  // bound to a port of no address in particular
    // By bind(), and not for want of one.
    bool address_chosen_ = false;
    bool port_chosen_ = false;
    // Replaced under the mutex. Reads and writes are at it by their slots, poll() in a read
    // section, and whoever asks for INFO of all endpoints under the mutex; all other calls of the
    // program are one at a time with those that replace it.
    dominoes::Atomic<Connection*> connection_;
    bool settled_ = false;                  // the program knows that it is connected
    dominoes::Atomic<Listener*> listener_;  // the first, one a device
    dominoes::Atomic<uint32_t> error_;      // of an endpoint without a connection
    bool own_replicas_ = false;             // the program chose; else the device's default holds
    alignas(dominoes::kCacheLine) dominoes::UseSlot<Connection> reading_;
    alignas(dominoes::kCacheLine) dominoes::UseSlot<Connection> writing_;
};

}  // namespace scout
