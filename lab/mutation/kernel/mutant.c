// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which mutant is on: the parameter kernel/parameters/mutant, or mutant= on the
 * command line. In debugfs, mutant/reached: the numbers of those whose place
 * was reached since boot; mutant/differs: of those that would have made a
 * difference since something was written there.
 */
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/mutant.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "mutant_count.h"

unsigned int mutant_on;
EXPORT_SYMBOL_GPL(mutant_on);
u8 mutant_reached[MUTANTS + 1];
EXPORT_SYMBOL_GPL(mutant_reached);
u8 mutant_differs[MUTANTS + 1];
EXPORT_SYMBOL_GPL(mutant_differs);

core_param(mutant, mutant_on, uint, 0644);

static int mutant_show(struct seq_file *to, void *unused)
{
	const u8 *noted = to->private;

	for (unsigned int id = 1; id <= MUTANTS; id++) {
		if (noted[id])
			seq_printf(to, " %u", id);
	}
	seq_putc(to, '\n');
	return 0;
}

static int mutant_open(struct inode *inode, struct file *file)
{
	/* Blank and number. */
	return single_open_size(file, mutant_show, inode->i_private,
				MUTANTS * 7 + 2);
}

static ssize_t mutant_write(struct file *file, const char __user *from,
			    size_t size, loff_t *at)
{
	memset(file_inode(file)->i_private, 0, MUTANTS + 1);
	return size;
}

static const struct file_operations mutant_operations = {
	.open = mutant_open,
	.read = seq_read,
	.write = mutant_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init mutant_init(void)
{
	struct dentry *folder = debugfs_create_dir("mutant", NULL);

	debugfs_create_file("reached", 0600, folder, mutant_reached,
			    &mutant_operations);
	debugfs_create_file("differs", 0600, folder, mutant_differs,
			    &mutant_operations);
	return 0;
}
late_initcall(mutant_init);
