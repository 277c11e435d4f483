# Kernel memory leaks, as kmemleak sees them. To be sourced; does nothing on a kernel without it.

kmemleak=/sys/kernel/debug/kmemleak

# Prints what leaked since boot, and fails if anything did. What is younger than 5 s is not reported, nor
# what has changed since the last scan, so it takes two. A scan takes seconds per GB of memory.
leaks_check() {
    [ -e $kmemleak ] || return 0
    sleep 6
    echo scan >$kmemleak
    echo scan >$kmemleak
    if grep -q . $kmemleak; then
        cat $kmemleak
        return 1
    fi
}
