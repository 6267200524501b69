/* The response headers (gRPC: initial metadata) by which lbdemo-server names itself on every reply,
 * so that a client needs no second request. An unknown or empty fact has no header. A proxy that
 * strips them makes a verdict weaker, never wrong. gRPC metadata is printing ASCII: a fact that is
 * not has no header there. */
#ifndef LB_COMMON_IDENTITY_HEADERS_H
#define LB_COMMON_IDENTITY_HEADERS_H

#define LB_HEADER_POD "x-lbdemo-pod"
#define LB_HEADER_BOOT_ID "x-lbdemo-boot-id"
#define LB_HEADER_VERSION "x-lbdemo-version"
#define LB_HEADER_ZONE "x-lbdemo-zone"
#define LB_HEADER_NODE "x-lbdemo-node"
#define LB_HEADER_CONNECTION "x-lbdemo-connection" /* "17 3": server-side id, ordinal on it */
#define LB_HEADER_PEER "x-lbdemo-peer"             /* "10.0.0.7:41234", as the server saw it */
#define LB_HEADER_PROXY "x-lbdemo-proxy" /* names of proxy headers seen: "via,x-request-id" */

#endif
