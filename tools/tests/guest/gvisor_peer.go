// SPDX-License-Identifier: GPL-2.0

// A host beside Linux's own on one device, whose TCP is gVisor's: receives one file, or sends one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const usage = `usage: gvisor-peer DEVICE ADDRESS STATE receive PORT        accept a connection; what it brings to stdout
       gvisor-peer DEVICE ADDRESS STATE send ADDRESS PORT   connect, and send stdin
STATE gets a line 'listening', and 'ended' when both ends have closed, or else 'failed'. When it has
ended, the host goes on answering until it is killed: its last acknowledgement may be lost.
`

const nic = 1

// Locally administered; the device's own address stays that of Linux.
const mac = tcpip.LinkAddress("\x02\x00\x00gvs")

func networkOrder(value uint16) uint16 { return value<<8 | value>>8 }

// All frames of a device, also those that are not for Linux.
func openWire(device *net.Interface) (int, error) {
	all := networkOrder(syscall.ETH_P_ALL)
	wire, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, int(all))
	if err != nil {
		return -1, err
	}
	const packetIgnoreOutgoing = 23
	if err := syscall.SetsockoptInt(wire, syscall.SOL_PACKET, packetIgnoreOutgoing, 1); err != nil {
		return -1, err
	}
	// What netem lets through shall not be lost here.
	const bytes = 8 << 20
	if err := syscall.SetsockoptInt(wire, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, bytes); err != nil {
		return -1, err
	}
	if err := syscall.Bind(wire, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: device.Index}); err != nil {
		return -1, err
	}
	return wire, syscall.SetLsfPromisc(device.Name, true)
}

func failed(err tcpip.Error) error {
	if err == nil {
		return nil
	}
	return errors.New(err.String())
}

func startStack(name string, address tcpip.Address) (*stack.Stack, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	wire, err := openWire(device)
	if err != nil {
		return nil, err
	}
	link, err := fdbased.New(&fdbased.Options{
		FDs: []int{wire}, MTU: uint32(device.MTU), EthernetHeader: true, Address: mac,
		PacketDispatchMode: fdbased.Readv,
	})
	if err != nil {
		return nil, err
	}
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	sack := tcpip.TCPSACKEnabled(true)
	if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return nil, failed(err)
	}
	if err := s.CreateNIC(nic, link); err != nil {
		return nil, failed(err)
	}
	own := tcpip.AddressWithPrefix{Address: address, PrefixLen: 24}
	if err := s.AddProtocolAddress(nic, tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: own},
		stack.AddressProperties{}); err != nil {
		return nil, failed(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	return s, nil
}

func finish(conn *gonet.TCPConn) error {
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, conn)
	return err
}

func receive(s *stack.Stack, port uint16, state io.Writer) error {
	listener, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: nic, Port: port}, ipv4.ProtocolNumber)
	if err != nil {
		return err
	}
	fmt.Fprintln(state, "listening")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		return err
	}
	return conn.Close()
}

func send(s *stack.Stack, to tcpip.Address, port uint16) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := gonet.DialContextTCP(ctx, s, tcpip.FullAddress{NIC: nic, Addr: to, Port: port}, ipv4.ProtocolNumber)
	if err != nil {
		return err
	}
	if _, err := io.Copy(conn, os.Stdin); err != nil {
		return err
	}
	return finish(conn)
}

func parseAddress(text string) tcpip.Address { return tcpip.Address(net.ParseIP(text).To4()) }

func run(words []string, state io.Writer) error {
	port, err := strconv.ParseUint(words[len(words)-1], 10, 16)
	if err != nil {
		return err
	}
	s, err := startStack(words[0], parseAddress(words[1]))
	if err != nil {
		return err
	}
	if words[3] == "receive" {
		return receive(s, uint16(port), state)
	}
	return send(s, parseAddress(words[4]), uint16(port))
}

func main() {
	words := os.Args[1:]
	if !(len(words) == 5 && words[3] == "receive") && !(len(words) == 6 && words[3] == "send") {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	state, err := os.OpenFile(words[2], os.O_WRONLY, 0)
	if err == nil {
		err = run(words, state)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gvisor-peer:", err)
		fmt.Fprintln(state, "failed")
		os.Exit(1)
	}
	fmt.Fprintln(state, "ended")
	select {}
}
