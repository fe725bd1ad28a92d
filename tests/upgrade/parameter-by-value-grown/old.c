/* SPDX-License-Identifier: MIT */
struct point {
	long x;
	long y;
};
long area(struct point p)
{
	return p.x * p.y;
}
