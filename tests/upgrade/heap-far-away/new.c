/* SPDX-License-Identifier: MIT */
struct leaf {
	int age;
	int color;
};
struct branch {
	struct leaf *leaves;
};
struct tree {
	struct branch *branches;
};
static struct tree *root;
int color(void)
{
	return root->branches[0].leaves[0].color;
}
