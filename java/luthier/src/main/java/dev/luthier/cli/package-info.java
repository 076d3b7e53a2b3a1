/** The commands. Everything they do is a call into the other rooms. */
package dev.luthier.cli;
