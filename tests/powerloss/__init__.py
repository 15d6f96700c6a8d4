"""What a power loss can leave of a publication: a real update's calls, recorded, and every order in which they may reach the disk.

The method is that of ALICE (Pillai et al., OSDI 2014): `recording` runs mirrorsync under strace, `operations` turns what strace wrote
into changes of a model disk, `reordering` says which of them a power loss may keep, `states` makes the disks that remain, `verdict` judges
each as a node and the next run would find it, and `aftermath` writes some to a real disk, runs the real update on them and compares how
they end. `planting` changes a recording into that of a program with a fault, which the verdicts must find.

What is assumed of the file system, each time the weakest that one with an atomic rename may promise (ext4 with data=writeback and
without auto_da_alloc, xfs and btrfs with delayed allocation are all stronger):

1. A name (a directory's entry), a file's content and a mode are separate things. Changes of one thing keep their order; changes of
   different things do not, whatever the order of the calls: an unlink may be on disk and the link made before it not.
2. One call that changes two names (rename, exchange) is kept or lost as a whole. Also where they lie in two directories.
3. fsync or fdatasync of a file keeps its content and its mode, but none of its names.
4. fsync of a directory keeps its entries and its mode, but not its own name in its parent, and nothing of the files in it.
   A call that changed entries of two directories is kept for certain only when both have been synced since. (Assumption 2 and one
   fsync would do by the letter of it. The weaker reading costs nothing, and file systems with per-directory logs have got that wrong.)
5. syncfs keeps everything of that file system. The boot directory counts as another one, as it may be.
6. Content that was not synced is there, or not, or torn: half of it, or its whole length with zeros in its second half.
7. A rename orders nothing: neither the content of the file that is renamed, nor any other name.
8. Times, the lock file and STATE (SQLite's caches) are not modelled; `aftermath` gives the next run a STATE from before, from after,
   none, or torn.
"""
