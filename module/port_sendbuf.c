// SPDX-License-Identifier: GPL-2.0
/*
 * Send buffers (dominoes/port.h): a ring of pages addressed by stream offset, shared with the packets
 * that carry them.
 *
 *     slot 0        slot 1        slot 2        slot 3
 *     +-------------+-------------+-------------+-------------+
 *     |  free |#### | ########### | #####^      |    free     |     # written, not released
 *     +-------------+-------------+-------------+-------------+     ^ the writer
 *
 * A packet holds references to the pages it was built from, and may live on after its bytes
 * were acknowledged: in a queue of ours, or, over veth, in the peer's receive queue. So when the writer
 * comes round to a slot, it keeps the pages nobody else refers to and puts fresh ones in the place of the
 * others.
 *
 * A slot is one compound page of up to 32 KB where there is one, so that a packet of 64 KB needs few
 * fragments; single pages otherwise, of which 64 KB fit into an skb too.
 *
 * A buffer that may still grow has slots for more than it holds. Its writer takes along the pages of
 * the slot that is behind all it holds, so that no more memory is taken than the limit.
 *
 * Who may touch what: the one writer fills bytes and replaces pages; builders read pages of bytes that
 * are written and not released. The core passes "written" to builders through its channel (release and
 * acquire), and "released" to the writer, the minimum over all replicas. The limit is set by
 * the leader.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "dominoes/port.h"
#include "port.h"

#define DOMINOES_SLOT_ORDER_MAX get_order(32768)
/* A writer that waits for a whole slot should wait for a small part of the buffer, now and later. */
#define DOMINOES_SLOTS_MIN 16
#define DOMINOES_SLOTS_FIRST 4

struct dominoes_sendbuf {
	size_t bytes;
	size_t limit; /* how many of them are used */
	size_t slot_bytes;
	unsigned int slot_order;
	struct page *pages[]; /* bytes / PAGE_SIZE; of a compound page, head and tails */
};

static size_t dominoes_page_index(const struct dominoes_sendbuf *buffer, u64 offset)
{
	return (offset & (buffer->bytes - 1)) >> PAGE_SHIFT;
}

struct dominoes_sendbuf *dominoes_sendbuf_create(size_t bytes, size_t limit)
{
	size_t slot_max = min(bytes / DOMINOES_SLOTS_MIN, limit / DOMINOES_SLOTS_FIRST);
	struct dominoes_sendbuf *buffer;

	if (!is_power_of_2(bytes) || !is_power_of_2(limit) || limit < PAGE_SIZE ||
	    limit > bytes)
		return NULL;
	buffer = kvzalloc(struct_size(buffer, pages, bytes >> PAGE_SHIFT), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return NULL;
	buffer->bytes = bytes;
	buffer->limit = limit;
	if (slot_max > PAGE_SIZE)
		buffer->slot_order = min_t(unsigned int, DOMINOES_SLOT_ORDER_MAX,
					   ilog2(slot_max) - PAGE_SHIFT);
	buffer->slot_bytes = PAGE_SIZE << buffer->slot_order;
	return buffer;
}

void dominoes_sendbuf_set_limit(struct dominoes_sendbuf *buffer, size_t bytes)
{
	WRITE_ONCE(buffer->limit, bytes);
}

void dominoes_sendbuf_destroy(struct dominoes_sendbuf *buffer)
{
	size_t i, step;

	if (!buffer)
		return;
	for (i = 0; i < buffer->bytes >> PAGE_SHIFT; i += step) {
		struct page *page = buffer->pages[i];

		/* Looked at first: the tails of a compound page are ordinary pages once it is freed. */
		step = page && PageHead(page) ? 1 << buffer->slot_order : 1;
		if (page)
			put_page(page);
	}
	dominoes_free(buffer);
}

size_t dominoes_sendbuf_room(const struct dominoes_sendbuf *buffer, uint64_t offset,
			     uint64_t released)
{
	/* A slot is free again when all of it is released. */
	u64 end = round_down(released, (u64)buffer->slot_bytes) + READ_ONCE(buffer->limit);

	return end > offset ? end - offset : 0;
}

/*
 * Whether only the buffer refers to the page. Then nobody can come to: packets are built of bytes not
 * released only. The count goes down in a read-modify-write that is ordered after the other's last
 * look at the page, and our stores to the page depend on having seen it.
 */
static bool dominoes_page_is_ours(struct page *page)
{
	return page_count(page) == 1;
}

static bool dominoes_slot_use_compound(struct dominoes_sendbuf *buffer, struct page **pages)
{
	unsigned int i, count = 1 << buffer->slot_order;
	struct page *head;

	head = alloc_pages((GFP_KERNEL_ACCOUNT & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP |
			   __GFP_NOWARN | __GFP_NORETRY, buffer->slot_order);
	if (!head)
		return false;
	for (i = 0; i < count; i++)
		WRITE_ONCE(pages[i], head + i);
	return true;
}

static bool dominoes_slot_use_pages(struct dominoes_sendbuf *buffer, struct page **pages)
{
	unsigned int i, count = 1 << buffer->slot_order;

	for (i = 0; i < count; i++) {
		struct page *fresh;

		if (pages[i] && dominoes_page_is_ours(pages[i]))
			continue;
		fresh = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!fresh)
			return false;
		if (pages[i])
			put_page(pages[i]);
		WRITE_ONCE(pages[i], fresh);
	}
	return true;
}

/*
 * Moves the pages of the slot that is as far behind as the buffer reaches: all of that is released,
 * or there were no room here. If `pages` has some already, memory ran short after this was done, or
 * the buffer is as large as it can be.
 */
static void dominoes_slot_inherit(struct dominoes_sendbuf *buffer, struct page **pages, u64 offset)
{
	u64 reach = READ_ONCE(buffer->limit);
	struct page **behind = &buffer->pages[dominoes_page_index(buffer, offset - reach)];
	size_t bytes = sizeof(*pages) << buffer->slot_order;

	if (pages[0] || behind == pages || offset < reach)
		return;
	memcpy(pages, behind, bytes);
	memset(behind, 0, bytes);
}

/* Makes the slot that begins at `offset` writable. False: no memory. Context: process. */
static bool dominoes_slot_prepare(struct dominoes_sendbuf *buffer, u64 offset)
{
	struct page **pages = &buffer->pages[dominoes_page_index(buffer, offset)];
	struct page *first;

	dominoes_slot_inherit(buffer, pages, offset);
	first = pages[0];
	if (!buffer->slot_order)
		return dominoes_slot_use_pages(buffer, pages);
	if (first && PageHead(first)) {
		if (dominoes_page_is_ours(first))
			return true;
		memset(pages, 0, sizeof(*pages) << buffer->slot_order);
		put_page(first);
		first = NULL;
	}
	if (!first && dominoes_slot_use_compound(buffer, pages))
		return true;
	return dominoes_slot_use_pages(buffer, pages);
}

int64_t dominoes_sendbuf_write(struct dominoes_sendbuf *buffer, uint64_t offset,
			       struct dominoes_iter *from, size_t bytes)
{
	size_t done = 0;
	int error = 0;

	bytes = min(bytes, iov_iter_count(from->iter));
	while (done < bytes) {
		size_t in_slot = offset & (buffer->slot_bytes - 1);
		size_t room, part, copied;
		struct page *page;

		if (!in_slot && !dominoes_slot_prepare(buffer, offset)) {
			error = -ENOMEM;
			break;
		}
		page = buffer->pages[dominoes_page_index(buffer, offset)];
		if (WARN_ON_ONCE(!page)) {
			error = -ENOMEM;
			break;
		}
		/* As far as memory is contiguous. */
		if (PageCompound(page))
			room = buffer->slot_bytes - in_slot;
		else
			room = PAGE_SIZE - offset_in_page(offset);
		part = min(room, bytes - done);
		copied = copy_from_iter(page_address(page) + offset_in_page(offset), part,
					from->iter);
		done += copied;
		offset += copied;
		if (copied < part) {
			error = -EFAULT;
			break;
		}
		cond_resched();
	}
	return done ? (int64_t)done : error;
}

bool dominoes_sendbuf_attach(const struct dominoes_sendbuf *buffer, u64 offset, u32 bytes,
			     struct sk_buff *skb)
{
	int fragments = skb_shinfo(skb)->nr_frags;

	skb->len += bytes;
	skb->data_len += bytes;
	skb->truesize += bytes;
	while (bytes) {
		struct page *page = READ_ONCE(buffer->pages[dominoes_page_index(buffer, offset)]);
		u32 part = min_t(u32, bytes, PAGE_SIZE - offset_in_page(offset));
		struct page *head;
		int at;

		if (WARN_ON_ONCE(!page))
			return false;
		head = compound_head(page);
		at = ((page - head) << PAGE_SHIFT) + offset_in_page(offset);
		if (skb_can_coalesce(skb, fragments, head, at)) {
			skb_frag_size_add(&skb_shinfo(skb)->frags[fragments - 1], part);
		} else {
			if (fragments == MAX_SKB_FRAGS)
				return false;
			get_page(head);
			skb_fill_page_desc(skb, fragments++, head, at, part);
		}
		offset += part;
		bytes -= part;
	}
	return true;
}
