/* The live page of --admin-listen, made from live_page.html at build time. */
#ifndef LB_CLIENT_LIVE_PAGE_H
#define LB_CLIENT_LIVE_PAGE_H

extern const char lb_live_page[];

#endif
