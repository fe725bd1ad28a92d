/* SPDX-License-Identifier: MIT */
struct cat {
	int lives;
};
struct dog {
	int lives;
};
int lives(struct cat *c)
{
	return c->lives;
}
