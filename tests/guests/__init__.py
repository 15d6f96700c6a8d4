"""A master and a node as virtual machines with kernels of their own: what only a real knfsd and a real NFS client can show.

Everything that runs inside a guest (`inside`, `master`, `node`, `installer`, `calls`, and `hdlists` beside this package) needs the
standard library only.
"""
