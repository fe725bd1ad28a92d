/* SPDX-License-Identifier: MIT */
struct range {
	int from;
	int to;
};
int span(int a, int b)
{
	volatile struct range r = {a, b};

	return r.to - r.from;
}
