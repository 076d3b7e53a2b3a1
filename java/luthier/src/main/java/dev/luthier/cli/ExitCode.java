package dev.luthier.cli;

/** What the process ends with. */
final class ExitCode {
    static final int OK = 0;
    /** A defect of this program. */
    static final int INTERNAL = 1;
    /** Usage, configuration, or a file that cannot be read as what it should be. */
    static final int USAGE = 2;
    /** Not enough memory on the device or the host. */
    static final int MEMORY = 6;
    /** Not enough room on the disk. */
    static final int DISK = 7;
    /** Training diverged: the gradients stopped being finite. */
    static final int DIVERGED = 8;

    private ExitCode() {
    }
}
