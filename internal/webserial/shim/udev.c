// The functions of libudev that Chromium imports, over the bench folder: what is plugged in there is
// a tty, everything else of the machine is not to be seen. Loaded before libudev.so.1 they replace it.
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "bench.h"

#define SYSFS "/sys/devices/bench/" // prefix of paths in a sysfs that is not there
#define SUFFIX ".dev"
#define MAX_PROPERTIES 4096

struct udev {
	char unused;
};

struct udev_list_entry {
	struct udev_list_entry *next;
	char syspath[sizeof SYSFS + NAME_MAX];
};

struct udev_enumerate {
	int tty, narrowed; // asked for ttys; asked for anything in particular
	struct udev_list_entry *found;
};

struct udev_device {
	const char *action; // of a monitor's device, else NULL
	char syspath[sizeof SYSFS + NAME_MAX];
	char properties[MAX_PROPERTIES]; // KEY=VALUE strings, an empty one at the end
	char major[12], minor[12];
};

// A monitor is one epoll over the folder's inotify and an eventfd. One read of the former may bring
// several events where Chromium takes one device a wake-up: the latter keeps it awake until the last.
struct udev_monitor {
	int tty, narrowed;
	int watch, more, both;
	ssize_t len, at;
	_Alignas(struct inotify_event) char events[MAX_PROPERTIES];
};

// stem returns how long the adapter's name is in the file name, 0 when it is none.
static int stem(const char *file) {
	size_t n = strlen(file), s = strlen(SUFFIX);
	return file[0] != '.' && n > s && !strcmp(file + n - s, SUFFIX) ? (int)(n - s) : 0;
}

static void set_syspath(char *to, size_t size, const char *file) {
	snprintf(to, size, SYSFS "%.*s", stem(file), file);
}

// number finds a device number that the kernel's list gives to a driver of type serial. Chromium
// takes no other tty; it never compares the number with the node.
static void number(struct udev_device *d) {
	snprintf(d->major, sizeof d->major, "4");
	snprintf(d->minor, sizeof d->minor, "64");
	FILE *drivers = fopen("/proc/tty/drivers", "re");
	if (!drivers)
		return;
	char line[256], minors[32], type[32];
	int major;
	while (fgets(line, sizeof line, drivers)) {
		if (sscanf(line, "%*s %*s %d %31s %31s", &major, minors, type) != 3 || strcmp(type, "serial"))
			continue;
		snprintf(d->major, sizeof d->major, "%d", major);
		snprintf(d->minor, sizeof d->minor, "%d", atoi(minors)); // the first of "64-67"
		break;
	}
	fclose(drivers);
}

// device makes the device of a file in the bench. One that has been removed has no properties left.
static struct udev_device *device(const char *file, const char *action, int removed) {
	struct udev_device *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->action = action;
	set_syspath(d->syspath, sizeof d->syspath, file);
	number(d);
	if (removed)
		return d;
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", bench(), file);
	FILE *f = fopen(path, "re");
	if (!f) {
		free(d);
		return NULL;
	}
	size_t n = fread(d->properties, 1, sizeof d->properties - 2, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		if (d->properties[i] == '\n')
			d->properties[i] = 0;
	return d;
}

struct udev *udev_new(void) { return calloc(1, sizeof(struct udev)); }

struct udev *udev_unref(struct udev *u) {
	free(u);
	return NULL;
}

const char *udev_device_get_property_value(struct udev_device *d, const char *key) {
	size_t n = strlen(key);
	for (const char *p = d->properties; *p; p += strlen(p) + 1)
		if (!strncmp(p, key, n) && p[n] == '=')
			return p + n + 1;
	if (!strcmp(key, "SUBSYSTEM"))
		return "tty";
	if (!strcmp(key, "MAJOR"))
		return d->major;
	if (!strcmp(key, "MINOR"))
		return d->minor;
	return NULL;
}

const char *udev_device_get_action(struct udev_device *d) { return d->action; }
const char *udev_device_get_devnode(struct udev_device *d) { return udev_device_get_property_value(d, "DEVNAME"); }
const char *udev_device_get_devtype(struct udev_device *d) { (void)d; return NULL; }
const char *udev_device_get_driver(struct udev_device *d) { (void)d; return NULL; }
const char *udev_device_get_subsystem(struct udev_device *d) { (void)d; return "tty"; }
const char *udev_device_get_syspath(struct udev_device *d) { return d->syspath; }
const char *udev_device_get_sysname(struct udev_device *d) { return d->syspath + strlen(SYSFS); }

const char *udev_device_get_sysattr_value(struct udev_device *d, const char *name) {
	(void)d, (void)name;
	return NULL;
}

struct udev_list_entry *udev_device_get_properties_list_entry(struct udev_device *d) {
	(void)d;
	return NULL;
}

struct udev_device *udev_device_get_parent(struct udev_device *d) {
	(void)d;
	return NULL;
}

struct udev_device *udev_device_get_parent_with_subsystem_devtype(struct udev_device *d, const char *subsystem, const char *type) {
	(void)d, (void)subsystem, (void)type;
	return NULL;
}

struct udev_device *udev_device_new_from_devnum(struct udev *u, char type, dev_t n) {
	(void)u, (void)type, (void)n;
	return NULL;
}

struct udev_device *udev_device_new_from_subsystem_sysname(struct udev *u, const char *subsystem, const char *name) {
	(void)u, (void)subsystem, (void)name;
	return NULL;
}

struct udev_device *udev_device_new_from_syspath(struct udev *u, const char *syspath) {
	(void)u;
	if (!bench() || strncmp(syspath, SYSFS, strlen(SYSFS)))
		return NULL;
	char file[NAME_MAX + 1];
	if (snprintf(file, sizeof file, "%s" SUFFIX, syspath + strlen(SYSFS)) >= (int)sizeof file)
		return NULL;
	return device(file, NULL, 0);
}

struct udev_device *udev_device_unref(struct udev_device *d) {
	free(d);
	return NULL;
}

struct udev_enumerate *udev_enumerate_new(struct udev *u) {
	(void)u;
	return calloc(1, sizeof(struct udev_enumerate));
}

int udev_enumerate_add_match_subsystem(struct udev_enumerate *e, const char *subsystem) {
	e->narrowed = 1;
	e->tty |= subsystem && !strcmp(subsystem, "tty");
	return 0;
}

int udev_enumerate_scan_devices(struct udev_enumerate *e) {
	if (!bench() || (e->narrowed && !e->tty))
		return 0;
	DIR *folder = opendir(bench());
	if (!folder)
		return 0;
	for (struct dirent *f; (f = readdir(folder));) {
		struct udev_list_entry *l = stem(f->d_name) ? calloc(1, sizeof *l) : NULL;
		if (!l)
			continue;
		set_syspath(l->syspath, sizeof l->syspath, f->d_name);
		l->next = e->found;
		e->found = l;
	}
	closedir(folder);
	return 0;
}

struct udev_list_entry *udev_enumerate_get_list_entry(struct udev_enumerate *e) { return e->found; }

struct udev_enumerate *udev_enumerate_unref(struct udev_enumerate *e) {
	while (e->found) {
		struct udev_list_entry *next = e->found->next;
		free(e->found);
		e->found = next;
	}
	free(e);
	return NULL;
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *l) { return l->next; }
const char *udev_list_entry_get_name(struct udev_list_entry *l) { return l->syspath; }

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *u, const char *name) {
	(void)u, (void)name;
	struct udev_monitor *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	m->more = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m->both = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event in = {.events = EPOLLIN};
	epoll_ctl(m->both, EPOLL_CTL_ADD, m->watch, &in);
	epoll_ctl(m->both, EPOLL_CTL_ADD, m->more, &in);
	return m;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *m, const char *subsystem, const char *type) {
	m->narrowed = 1;
	m->tty |= subsystem && !type && !strcmp(subsystem, "tty");
	return 0;
}

int udev_monitor_enable_receiving(struct udev_monitor *m) {
	if (bench() && (m->tty || !m->narrowed))
		inotify_add_watch(m->watch, bench(), IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
	return 0;
}

int udev_monitor_get_fd(struct udev_monitor *m) { return m->both; }

struct udev_device *udev_monitor_receive_device(struct udev_monitor *m) {
	struct udev_device *d = NULL;
	while (!d) {
		if (m->at >= m->len) {
			m->at = 0;
			m->len = read(m->watch, m->events, sizeof m->events);
			if (m->len <= 0)
				break;
		}
		struct inotify_event *e = (struct inotify_event *)(m->events + m->at);
		m->at += sizeof *e + e->len;
		if (!e->len || !stem(e->name))
			continue;
		int added = e->mask & IN_MOVED_TO;
		d = device(e->name, added ? "add" : "remove", !added);
	}
	eventfd_t count;
	if (m->at < m->len)
		eventfd_write(m->more, 1);
	else
		eventfd_read(m->more, &count);
	return d;
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *m) {
	close(m->both);
	close(m->more);
	close(m->watch);
	free(m);
	return NULL;
}
