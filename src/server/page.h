/* The page for browsers, made from page.html at build time. */
#ifndef LB_SERVER_PAGE_H
#define LB_SERVER_PAGE_H

extern const char lb_page[];

#endif
