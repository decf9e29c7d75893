/** All is well. */
export const EXIT_GOOD = 0;

/** Something failed, or `check` found a resource that cannot be used as it is. */
export const EXIT_BAD = 1;

/** The command line cannot be understood, or nothing of the configuration can be used. */
export const EXIT_UNUSABLE = 2;
