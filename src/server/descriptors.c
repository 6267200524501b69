/* The descriptors of the contracts this server serves. */
#include "server/descriptors.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "lbdemo/descriptor/descriptor.pb-c.h"

struct lb_descriptors {
    Lbdemo__Descriptor__FileSet *set;  /* owns each file's bytes */
    Lbdemo__Descriptor__File **parsed; /* owns the names */
    struct lb_descriptor_file *files;
    size_t file_count;
    struct lb_symbol *symbols; /* by name */
    size_t symbol_count, symbol_room;
    const char **services; /* by name */
    size_t service_count;
};

/* Adds "SCOPE.NAME" and returns it. */
static const char *add_symbol(struct lb_descriptors *d, const struct lb_descriptor_file *file,
                              const char *scope, const char *name, enum lb_symbol_kind kind)
{
    if (d->symbol_count == d->symbol_room) {
        d->symbol_room = d->symbol_room ? 2 * d->symbol_room : 64;
        d->symbols = lb_realloc_array(d->symbols, d->symbol_room, sizeof *d->symbols);
    }
    size_t scope_len = strlen(scope), name_len = strlen(name), dot = scope_len > 0;
    char *full = lb_malloc(scope_len + dot + name_len + 1);
    memcpy(full, scope, scope_len);
    if (dot)
        full[scope_len] = '.';
    memcpy(full + scope_len + dot, name, name_len + 1);
    d->symbols[d->symbol_count++] = (struct lb_symbol){.name = full, .kind = kind, .file = file};
    return full;
}

static void add_all(struct lb_descriptors *d, const struct lb_descriptor_file *file,
                    const char *scope, Lbdemo__Descriptor__Named **named, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_symbol(d, file, scope, named[i]->name, LB_SYMBOL_OTHER);
}

/* The values of an enumeration are named beside it, not inside it. */
static void add_enums(struct lb_descriptors *d, const struct lb_descriptor_file *file,
                      const char *scope, Lbdemo__Descriptor__Enum **enums, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_symbol(d, file, scope, enums[i]->name, LB_SYMBOL_OTHER);
        add_all(d, file, scope, enums[i]->value, enums[i]->n_value);
    }
}

static void add_messages(struct lb_descriptors *d, const struct lb_descriptor_file *file,
                         const char *scope, Lbdemo__Descriptor__Message **messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Lbdemo__Descriptor__Message *m = messages[i];
        const char *name = add_symbol(d, file, scope, m->name, LB_SYMBOL_MESSAGE);
        add_all(d, file, name, m->field, m->n_field);
        add_all(d, file, name, m->oneof_decl, m->n_oneof_decl);
        add_enums(d, file, name, m->enum_type, m->n_enum_type);
        add_messages(d, file, name, m->nested_type, m->n_nested_type);
    }
}

static void add_file(struct lb_descriptors *d, const struct lb_descriptor_file *file,
                     const Lbdemo__Descriptor__File *parsed)
{
    add_messages(d, file, parsed->package, parsed->message_type, parsed->n_message_type);
    add_enums(d, file, parsed->package, parsed->enum_type, parsed->n_enum_type);
    for (size_t i = 0; i < parsed->n_service; i++) {
        const Lbdemo__Descriptor__Service *s = parsed->service[i];
        const char *name = add_symbol(d, file, parsed->package, s->name, LB_SYMBOL_SERVICE);
        add_all(d, file, name, s->method, s->n_method);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lb_symbol *)a)->name, ((const struct lb_symbol *)b)->name);
}

static void list_services(struct lb_descriptors *d)
{
    d->services = lb_realloc_array(NULL, d->symbol_count + 1, sizeof *d->services);
    for (size_t i = 0; i < d->symbol_count; i++) {
        if (d->symbols[i].kind == LB_SYMBOL_SERVICE)
            d->services[d->service_count++] = d->symbols[i].name;
    }
}

struct lb_descriptors *lb_descriptors_new(const unsigned char *bytes, size_t size)
{
    Lbdemo__Descriptor__FileSet *set = lbdemo__descriptor__file_set__unpack(NULL, size, bytes);
    if (!set)
        return NULL;
    struct lb_descriptors *d = lb_malloc(sizeof *d);
    *d = (struct lb_descriptors){.set = set};
    d->files = lb_realloc_array(NULL, set->n_file + 1, sizeof *d->files);
    d->parsed = lb_realloc_array(NULL, set->n_file + 1, sizeof *d->parsed);
    for (; d->file_count < set->n_file; d->file_count++) {
        const ProtobufCBinaryData *data = &set->file[d->file_count];
        Lbdemo__Descriptor__File *parsed =
            lbdemo__descriptor__file__unpack(NULL, data->len, data->data);
        if (!parsed) {
            lb_descriptors_free(d);
            return NULL;
        }
        d->parsed[d->file_count] = parsed;
        d->files[d->file_count] = (struct lb_descriptor_file){
            .name = parsed->name,
            .bytes = data->data,
            .size = data->len,
            .imports = parsed->dependency,
            .import_count = parsed->n_dependency,
        };
        add_file(d, &d->files[d->file_count], parsed);
    }
    if (d->symbol_count > 0)
        qsort(d->symbols, d->symbol_count, sizeof *d->symbols, by_name);
    list_services(d);
    return d;
}

void lb_descriptors_free(struct lb_descriptors *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->symbol_count; i++)
        free(d->symbols[i].name);
    for (size_t i = 0; i < d->file_count; i++)
        lbdemo__descriptor__file__free_unpacked(d->parsed[i], NULL);
    lbdemo__descriptor__file_set__free_unpacked(d->set, NULL);
    free(d->symbols);
    free(d->services);
    free(d->parsed);
    free(d->files);
    free(d);
}

const struct lb_descriptor_file *lb_descriptors_file(const struct lb_descriptors *d,
                                                     const char *name)
{
    for (size_t i = 0; i < d->file_count; i++) {
        if (strcmp(d->files[i].name, name) == 0)
            return &d->files[i];
    }
    return NULL;
}

const struct lb_symbol *lb_descriptors_symbol(const struct lb_descriptors *d, const char *name)
{
    struct lb_symbol key = {.name = (char *)(uintptr_t)name};
    return d->symbol_count > 0
               ? bsearch(&key, d->symbols, d->symbol_count, sizeof *d->symbols, by_name)
               : NULL;
}

const char *lb_descriptors_service(const struct lb_descriptors *d, size_t index)
{
    return index < d->service_count ? d->services[index] : NULL;
}

bool lb_descriptors_has_service(const struct lb_descriptors *d, const char *name)
{
    const struct lb_symbol *symbol = lb_descriptors_symbol(d, name);
    return symbol && symbol->kind == LB_SYMBOL_SERVICE;
}
