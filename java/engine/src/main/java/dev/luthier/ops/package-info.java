/** The engine's ops, one Java method per function of luthier.h. */
package dev.luthier.ops;
