/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core needs from its platform: the only way out of dominoes/ and scout/.
 *
 * Implemented in module/ for the kernel, in tools/rig/ for userspace, and in tools/sim/ for one thread
 * and virtual time. The core sees opaque pointers, integers and the structs below, never a header of
 * the platform. Each function says in which context it may be called:
 *
 *   any      softirq, kthread or system call; does not sleep
 *   process  kthread or system call; may sleep
 *
 * None may be called from a hard interrupt. Times are nanoseconds of one monotonic clock.
 */
#ifndef DOMINOES_PORT_H
#define DOMINOES_PORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

/* --- memory ----------------------------------------------------------------------------------- */

/* Zeroed memory, aligned to 64 bytes, or NULL. Context: process. */
void *dominoes_alloc(size_t bytes);
/* The same without sleeping, for small blocks (at most a page). Context: any. */
void *dominoes_alloc_atomic(size_t bytes);
/* Frees what either gave; NULL is allowed. Context: any. */
void dominoes_free(void *memory);

/* A receive ring: `bytes` (a power of two, at least a page) of zeroed memory that can later be mapped
 * into a program. NULL on failure. Context: process. */
void *dominoes_ring_alloc(size_t bytes);
/* Context: any. */
void dominoes_ring_free(void *ring);

/* --- time, chance, words ---------------------------------------------------------------------- */

/* Context: any. */
uint64_t dominoes_now_ns(void);
/* Cryptographically strong random bytes. Context: any. */
void dominoes_random(void *out, size_t bytes);
/* SipHash-2-4 (or as strong a keyed hash) of `data` under the 16-byte `key`. Context: any. */
uint64_t dominoes_keyed_hash(const void *data, size_t bytes, const uint8_t key[16]);

enum dominoes_log_level {
	DOMINOES_LOG_ERROR,
	DOMINOES_LOG_WARNING,
	DOMINOES_LOG_INFO,
	DOMINOES_LOG_DEBUG,
};

/* One line, without a newline, rate limited by the platform. Context: any. */
void dominoes_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A broken invariant: reports it with a stack trace. The kernel goes on, userspace aborts.
 * Context: any. */
void dominoes_bug(const char *file, int line, const char *expression);

/* --- mutual exclusion in time ----------------------------------------------------------------- */

/*
 * Whom others wait for must not be descheduled: a producer between claiming a slot of a channel and
 * publishing it, or it stalls every subscriber; who wakes a user that is about to leave. In the kernel:
 * bottom halves and preemption off, so that neither a softirq on this CPU nor a thread of any priority
 * comes in between. It is also a reader's section (dominoes_read_lock). Nests. Context: any.
 */
void dominoes_publish_begin(void);
void dominoes_publish_end(void);

/*
 * Readers of a Map never wait: what they may still see is freed only after they have left.
 * In the kernel: RCU. Nests. No sleeping between the two. Context: any.
 */
void dominoes_read_lock(void);
void dominoes_read_unlock(void);

/* To be embedded in what is retired; its contents belong to the port. */
struct dominoes_retired {
	void *opaque[4];
};
/* Calls `release(retired)` once every reader of now has left; from any context that does not sleep.
 * Context: any. */
void dominoes_retire(struct dominoes_retired *retired, void (*release)(struct dominoes_retired *));
/* Waits until every `release` asked for so far has run. Context: process. */
void dominoes_retire_barrier(void);

/* For the serial work only (ports, listeners, attach and detach): never on a packet's way. */
struct dominoes_mutex;
/* NULL when memory is short. Context: process, as are the other three. */
struct dominoes_mutex *dominoes_mutex_create(void);
void dominoes_mutex_destroy(struct dominoes_mutex *mutex);
void dominoes_mutex_lock(struct dominoes_mutex *mutex);
void dominoes_mutex_unlock(struct dominoes_mutex *mutex);

/* Something one thread waits for and another says has happened. NULL when memory is short.
 * Context: process, but for complete: any. */
struct dominoes_completion;
struct dominoes_completion *dominoes_completion_create(void);
void dominoes_completion_destroy(struct dominoes_completion *completion);
void dominoes_completion_wait(struct dominoes_completion *completion);
void dominoes_completion_complete(struct dominoes_completion *completion);

/* --- threads ----------------------------------------------------------------------------------- */

struct dominoes_thread;

/*
 * Starts `run(argument)` on a thread bound to `cpu` (-1: any). NULL on failure. `name` is copied.
 * Context: process.
 */
struct dominoes_thread *dominoes_thread_start(void (*run)(void *argument), void *argument, int cpu,
					      const char *name);
/* Waits for `run` to return and frees the thread. Context: process, not the thread itself. */
void dominoes_thread_join(struct dominoes_thread *thread);
/*
 * Sleeps until unpark, or until `deadline_ns` (UINT64_MAX: none). An unpark that came since the last
 * park returned is not lost: park then returns at once. Spurious returns are allowed.
 * Context: the thread itself.
 */
void dominoes_thread_park(uint64_t deadline_ns);
/* Context: any. */
void dominoes_thread_unpark(struct dominoes_thread *thread);
/* Whether something else wants this CPU. Context: thread. */
bool dominoes_thread_should_yield(void);
/* Lets others run that are as important; the kernel's cond_resched(). A thread of lower priority does not
 * run for it: who waits for one calls dominoes_thread_delay(). Context: thread. */
void dominoes_thread_yield(void);
/* A pause inside a short spin. Context: any. */
void dominoes_relax(void);
/* Goes on in about `ns`; what is long enough to be slept through lets threads of any priority run.
 * Context: thread; may sleep. */
void dominoes_thread_delay(uint64_t ns);

/* --- packets ----------------------------------------------------------------------------------- */

/* A received packet, or one built and not yet transmitted. In the kernel: an sk_buff. */
struct dominoes_packet;
/* A network device. In the kernel: a net_device with what the module keeps beside it. */
struct dominoes_link;
/*
 * The bytes an application has written and the peer has not acknowledged: a ring addressed by stream
 * offset. The platform owns its memory and shares it with packets in flight, so that it may be reused only
 * when no packet refers to it any longer.
 */
struct dominoes_sendbuf;
/* Where an application's bytes come from or go to. In the kernel: an iov_iter. */
struct dominoes_iter;

/* From the Ethernet header to the end. Context: any. */
uint32_t dominoes_packet_bytes(const struct dominoes_packet *packet);
/* Copies `bytes` at `offset` from the start of the Ethernet header. The caller has checked the length.
 * Context: any. */
void dominoes_packet_copy(const struct dominoes_packet *packet, uint32_t offset, void *out,
			  uint32_t bytes);
/* Context: any. */
void dominoes_packet_free(struct dominoes_packet *packet);
/*
 * A packet of `bytes` (at most 65535 and an Ethernet header) as if it had been received, to be put together
 * from parts of others: its contents are undefined until written, and no hardware vouches for them. NULL when
 * memory is short. Context: process.
 */
struct dominoes_packet *dominoes_packet_create(uint32_t bytes);
/* Writes `bytes` at `offset` of a packet that was created so, and that nobody else has seen yet. The caller has
 * checked the length. Context: process. */
void dominoes_packet_write(struct dominoes_packet *packet, uint32_t offset, const void *from,
			   uint32_t bytes);
/*
 * Whether the Internet checksum over `bytes` at `offset`, started from `pseudo` (the folded sum of the
 * pseudo header, not complemented), is right; true without looking where hardware has vouched for it
 * or the packet never left this machine. Context: any.
 */
bool dominoes_packet_checksum_ok(struct dominoes_packet *packet, uint32_t offset, uint32_t bytes,
				 uint16_t pseudo);

/* What a packet to be built consists of: a header, and bytes from a send buffer or plain memory. */
struct dominoes_tx {
	const void *header;		 /* from the Ethernet header on, ready but for the checksum below */
	uint32_t header_bytes;		 /* at most 128 */
	uint32_t transport_offset;	 /* of the TCP or UDP header; 0: no transport checksum wanted */
	uint32_t checksum_offset;	 /* from the transport header; the field holds the pseudo header's sum */
	struct dominoes_sendbuf *buffer; /* NULL: take the payload from `payload` */
	uint64_t buffer_offset;		 /* stream offset of the first payload byte */
	const void *payload;		 /* copied before the call returns */
	uint32_t payload_bytes;
	uint32_t segment_bytes; /* TCP payload per wire packet; 0 or >= payload_bytes: one packet */
};

/* NULL on failure. The buffer's bytes must be within what is written and not released.
 * Context: process or softirq; does not sleep. */
struct dominoes_packet *dominoes_packet_build(struct dominoes_link *link,
					      const struct dominoes_tx *tx);
/* Writes the destination address of a built packet's Ethernet header anew. Context: any. */
void dominoes_packet_set_destination(struct dominoes_packet *packet, const uint8_t mac[6]);
/* Consumes the packet. False: the device refused it (queue full, down). Context: any. */
bool dominoes_packet_transmit(struct dominoes_link *link, struct dominoes_packet *packet);

/* Context: any. The MTU is that of the IP layer, in bytes. */
uint32_t dominoes_link_mtu(const struct dominoes_link *link);
/* Context: any. */
void dominoes_link_mac(const struct dominoes_link *link, uint8_t mac[6]);
/* The most payload one dominoes_packet_build() may carry with segment_bytes set (65535 less headers,
 * or more); Context: any. */
uint32_t dominoes_link_max_segment(const struct dominoes_link *link);

/* For at most `bytes`, of which `limit` are used at first; powers of two, at least a page. NULL on
 * failure. Context: process. */
struct dominoes_sendbuf *dominoes_sendbuf_create(size_t bytes, size_t limit);
/* So many are used from now on, a power of two and no less than before. Memory is held for no more than are.
 * One caller at a time. Context: any. */
void dominoes_sendbuf_set_limit(struct dominoes_sendbuf *buffer, size_t bytes);
/* Packets in flight may outlive it. Context: any. */
void dominoes_sendbuf_destroy(struct dominoes_sendbuf *buffer);
/*
 * Takes up to `bytes` from `from` and puts them at stream offset `offset`; the caller has made sure
 * that they fit. Returns how many, which is fewer after a fault (-EFAULT if none) or when memory is
 * short (-ENOMEM if none). One writer at a time. Context: process.
 */
int64_t dominoes_sendbuf_write(struct dominoes_sendbuf *buffer, uint64_t offset,
			       struct dominoes_iter *from, size_t bytes);
/*
 * How many bytes may be written at `offset` when all before `released` are acknowledged; less than
 * bytes - (offset - released) where memory is reused in larger units. None if `offset` is beyond that
 * already: what was let go of once may come to be used again. Context: any.
 */
size_t dominoes_sendbuf_room(const struct dominoes_sendbuf *buffer, uint64_t offset,
			     uint64_t released);

/* Gives `bytes` at `from` to the application. Returns how many, which is fewer after a fault (-EFAULT
 * if none). Context: process. */
int64_t dominoes_iter_put(struct dominoes_iter *to, const void *from, size_t bytes);
/* Takes `bytes` from the application into `to`; likewise. Context: process. */
int64_t dominoes_iter_take(struct dominoes_iter *from, void *to, size_t bytes);

/* --- the application's side ------------------------------------------------------------------- */

/*
 * Something an endpoint's user may wait for has changed: `only_room`, that there may be room to write,
 * and nothing else. `user` is what the endpoint was created with.
 * Called by whichever replica owns the effect, in a publish section (dominoes_publish_begin); of the
 * core it may call scout_poll() only. Context: any.
 */
void dominoes_user_wake(void *user, bool only_room);

#ifdef __cplusplus
}
#endif

#endif
