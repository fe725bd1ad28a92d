/* SPDX-License-Identifier: MIT */
int work(void);
int main(void)
{
	return work() + work();
}
