/** Data files read row by row: each format is one {@link dev.luthier.data.source.RowReader}. */
package dev.luthier.data.source;
