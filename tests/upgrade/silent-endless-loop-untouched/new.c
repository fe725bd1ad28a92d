/* SPDX-License-Identifier: MIT */
void wait_for(int what);
int work(int what);
void serve(void)
{
	for (;;) {
		wait_for(1);
		work(1);
	}
}

int sum(const int *v, int n)
{
	int total = 1;

	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
