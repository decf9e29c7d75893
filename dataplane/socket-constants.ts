/**
 * Numbers that several kinds of sockets need, of include/uapi/asm-generic/socket.h, bits/socket.h, linux/in.h and
 * linux/in6.h, as all platforms of Node but MIPS and SPARC have them.
 */
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_BINDTODEVICE = 25;
export const IPPROTO_IP = 0;
export const IPPROTO_IPV6 = 41;
