/* SPDX-License-Identifier: MIT */
void wait_for(int what);
int work(int what);
void serve(void)
{
	for (;;) {
		wait_for(1);
		work(1);
		work(2);
	}
}
