// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: dominoes/connections and dominoes/stats, for people.
 */
#include <linux/debugfs.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "link.h"
#include "main.h"
#include "scout/counters.h"
#include "scout/stack.h"

static struct dentry *dominoes_debugfs;

/* --- connections ------------------------------------------------------------------------------ */

static void dominoes_show_endpoint(struct seq_file *file, const struct dominoes_info *info)
{
	u32 i;

	seq_printf(file, "%llu %s state %u if %u", info->id,
		   info->protocol == IPPROTO_UDP ? "udp" : "tcp", info->state, info->ifindex);
	seq_printf(file, " local %pI4:%u peer %pI4:%u recv-q %llu send-q %llu\n", info->local.addr,
		   ntohs((__force __be16)info->local.port), info->peer.addr,
		   ntohs((__force __be16)info->peer.port), info->recv_queue,
		   info->send_queue);
	seq_printf(file, "\tin %llu B / %llu out %llu B / %llu acked %llu resent %llu timeouts %u\n",
		   info->bytes_received, info->segments_in, info->bytes_sent, info->segments_out,
		   info->bytes_acked, info->bytes_retransmitted, info->retransmits);
	seq_printf(file, "\tsrtt %u us rto %u us mss %u cwnd %u ssthresh %u windows %u %u\n",
		   info->srtt_us, info->rto_us, info->mss, info->cwnd, info->ssthresh,
		   info->snd_wnd, info->rcv_wnd);
	seq_printf(file, "\tbuffers in %u of %u out %u of %u\n", info->rcvbuf, info->rcvbuf_limit,
		   info->sndbuf, info->sndbuf_limit);
	for (i = 0; i < min_t(u32, info->replicas, ARRAY_SIZE(info->replica)); i++)
		seq_printf(file, "\treplica %u cpu %u lag %u requests %llu owned %llu in %llu B out %llu\n",
			   i, info->replica[i].cpu, info->replica[i].lag, info->replica[i].requests,
			   info->replica[i].owned, info->replica[i].delivered_bytes,
			   info->replica[i].sent_segments);
}

static int connections_show(struct seq_file *file, void *unused)
{
	struct dominoes_info *info = kzalloc(sizeof(*info), GFP_KERNEL);
	u64 next = 0;

	if (!info)
		return -ENOMEM;
	while (!seq_has_overflowed(file) && !scout_info_at(dominoes_stack, next, info)) {
		dominoes_show_endpoint(file, info);
		next = info->id + 1;
		cond_resched();
	}
	kfree(info);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(connections);

/* --- stats ------------------------------------------------------------------------------------ */

#define DOMINOES_NAME(name, ...) #name,

static const char *const dominoes_counter_names[] = { DOMINOES_COUNTERS(DOMINOES_NAME) };

static void dominoes_show_stats(const struct dominoes_link *link, void *argument)
{
	struct seq_file *file = argument;
	u64 *values = kcalloc(ARRAY_SIZE(dominoes_counter_names), sizeof(*values), GFP_KERNEL);
	u32 i, known;

	if (!values)
		return;
	known = scout_stats(link->nic, values, ARRAY_SIZE(dominoes_counter_names));
	seq_printf(file, "%s %pI4/%u replicas %u connections %u\n", link->dev->name, &link->address,
		   link->config.prefix_len, link->config.replicas, scout_connections(link->nic));
	for (i = 0; i < min_t(u32, known, ARRAY_SIZE(dominoes_counter_names)); i++)
		seq_printf(file, "\t%-24s %llu\n", dominoes_counter_names[i], values[i]);
	kfree(values);
}

static int stats_show(struct seq_file *file, void *unused)
{
	dominoes_links_visit(dominoes_show_stats, file);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(stats);

void dominoes_debugfs_init(void)
{
	dominoes_debugfs = debugfs_create_dir("dominoes", NULL);
	debugfs_create_file("connections", 0400, dominoes_debugfs, NULL, &connections_fops);
	debugfs_create_file("stats", 0400, dominoes_debugfs, NULL, &stats_fops);
}

void dominoes_debugfs_exit(void)
{
	debugfs_remove(dominoes_debugfs);
}
