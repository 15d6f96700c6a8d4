"""Nodes that boot over the network what mirrorsync staged, and read the tree as installers do: `python -m tests.boots`.

A node is a virtual machine under QEMU's own emulation, with Debian's kernel and an initrd made here; it loads both by the boot
programs that administrators use (PXELINUX, GRUB, shim, iPXE), from real servers. All of it happens in namespaces of its own.
"""
