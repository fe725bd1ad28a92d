/* SPDX-License-Identifier: MIT */
struct range {
	int from;
	int to;
	int step;
};
int span(int a, int b)
{
	volatile struct range r = {a, b, 1};

	return r.to - r.from;
}
