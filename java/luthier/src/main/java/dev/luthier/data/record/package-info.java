/** Rows turned into conversations, texts or token rows, whatever their columns are called. */
package dev.luthier.data.record;
