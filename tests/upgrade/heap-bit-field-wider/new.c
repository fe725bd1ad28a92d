/* SPDX-License-Identifier: MIT */
struct flags {
	unsigned int on : 2;
	unsigned int mode : 3;
};
int mode_of(struct flags *f)
{
	return f->mode;
}
