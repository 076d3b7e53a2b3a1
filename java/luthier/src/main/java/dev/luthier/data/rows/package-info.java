/** Samples encoded to token rows, in parallel and in order, and the stores that hold them. */
package dev.luthier.data.rows;
