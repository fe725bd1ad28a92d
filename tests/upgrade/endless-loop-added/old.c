/* SPDX-License-Identifier: MIT */
void wait_for(int what);
int work(int what);
void serve(void)
{
	wait_for(1);
	work(1);
}
