/* SPDX-License-Identifier: MIT
 *
 * The LSP base protocol's framing: "Content-Length: N\r\n\r\n" and N bytes.
 * Source: Language Server Protocol 3.17, "Base Protocol".
 *
 * A reader is fed bytes as they come, in any pieces, and hands out whole
 * bodies. It is not shared between threads.
 */
#ifndef HW_FRAME_H
#define HW_FRAME_H

#include <stddef.h>

#define HW_FRAME_MAX (16u << 20) /* bytes of one body */

enum {
	HW_FRAME_EBIG = -1,    /* over HW_FRAME_MAX */
	HW_FRAME_EHEADER = -2, /* a malformed header: the stream is lost */
	HW_FRAME_ENOMEM = -3
};

struct hw_frame {
	char *buf;
	size_t len, cap; /* bytes held, bytes allocated */
	size_t pos;      /* first byte not handed out yet */
	int failed;      /* the error that ended the stream, or 0 */
};

void hw_frame_init(struct hw_frame *f);
void hw_frame_free(struct hw_frame *f);

/* Takes LEN bytes. 0, or HW_FRAME_ENOMEM. */
int hw_frame_feed(struct hw_frame *f, const void *data, size_t len);

/*
 * 1 and the next body (NUL-terminated, valid until the next call on f), 0 if
 * more bytes are needed, or an error. After an error the stream cannot be
 * followed: every further call gives the same error.
 */
int hw_frame_next(struct hw_frame *f, char **body, size_t *len);

/* The header for a body of LEN bytes; returns its length. BUF: 48 bytes. */
int hw_frame_header(char *buf, size_t len);

#endif
