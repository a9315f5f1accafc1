#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/*
 * The maxima of the program in one place. A buffer that grows names one of these at birth;
 * a limit that a user can meet is named in the error that refuses him.
 */
enum {
    LX_ID_MAX = 64,                  /* bytes of a bank's own identifier, without the final NUL */
    LX_PATH_MAX = 4096,              /* bytes of a file name, with the final NUL */
    LX_PRODUCT_MAX = 256,            /* products in a catalogue */
    LX_CODE_MAX = 32,                /* bytes of a product's or a branch's code */
    LX_LINE_MAX = 1 << 20,           /* bytes of one line of a file that is imported */
    LX_FIELDS_MAX = 2048,            /* fields of one line */
    LX_FIELD_NAME_MAX = 128,         /* bytes of a column's name */
    LX_CONFIG_MAX = 4 << 20,         /* bytes of a configuration, mapping or catalogue file */
    LX_HISTORY_EVENTS_MAX = 1 << 20, /* events of one customer */
    LX_FEATURES_MAX = 1024,          /* features of one definition set */
    LX_THREADS_MAX = 256,
};

#define LX_FILE_MAX ((size_t)1 << 30)   /* a file that is read whole, such as a model */
#define LX_MEMORY_MAX ((size_t)1 << 36) /* one growing array */

#endif
