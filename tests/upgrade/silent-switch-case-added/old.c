/* SPDX-License-Identifier: MIT */
int digit(int c)
{
	switch (c) {
	case 'a':
		return 17;
	case 'b':
		return 4;
	case 'x':
		return 11;
	case 'q':
		return 99;
	default:
		return -1;
	}
}
