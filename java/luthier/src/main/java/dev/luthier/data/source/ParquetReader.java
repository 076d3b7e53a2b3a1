package dev.luthier.data.source;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.PqStruct;
import dev.hardwood.row.StructAccessor;
import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Parquet through the hardwood library; structs become objects, lists arrays, maps objects. */
final class ParquetReader implements RowReader {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final int MAX_DEPTH = 100;

    private final Path file;
    private ParquetFileReader parquet;
    private dev.hardwood.reader.RowReader rows;
    private long row;

    ParquetReader(Path file, SourceOptions options) {
        this.file = file;
        try {
            // Opening it once plainly gives the usual sentences for a missing or unreadable file.
            Inputs.bytes(file).close();
            parquet = ParquetFileReader.open(InputFile.of(file));
            rows = parquet.rowReader();
        } catch (IOException | RuntimeException e) {
            close();
            throw explain(e);
        }
    }

    @Override
    public Row next() {
        if (rows == null) return null;
        try {
            if (!rows.hasNext()) return null;
            rows.next();
            row++;
            return new Row(Origin.row(file, row), struct(rows, 0));
        } catch (RuntimeException e) {
            close();
            throw explain(e);
        }
    }

    private ObjectNode struct(StructAccessor s, int depth) {
        if (depth > MAX_DEPTH) {
            throw DataException.fatal(Origin.row(file, row), "nests values deeper than " + MAX_DEPTH);
        }
        ObjectNode fields = NODES.objectNode();
        for (int i = 0; i < s.getFieldCount(); i++) {
            fields.set(s.getFieldName(i), s.isNull(i) ? NODES.nullNode() : value(s.getValue(i), depth + 1));
        }
        return fields;
    }

    private JsonNode value(Object v, int depth) {
        return switch (v) {
            case null -> NODES.nullNode();
            case String s -> NODES.stringNode(s);
            case Integer i -> NODES.numberNode(i);
            case Long l -> NODES.numberNode(l);
            case Float f -> NODES.numberNode(f);
            case Double d -> NODES.numberNode(d);
            case Boolean b -> NODES.booleanNode(b);
            case byte[] bytes -> NODES.stringNode(new String(bytes, StandardCharsets.UTF_8));
            case PqStruct s -> struct(s, depth);
            case PqList list -> {
                ArrayNode a = NODES.arrayNode();
                for (int i = 0; i < list.size(); i++) {
                    a.add(list.isNull(i) ? NODES.nullNode() : value(list.get(i), depth + 1));
                }
                yield a;
            }
            case PqMap map -> {
                ObjectNode o = NODES.objectNode();
                for (PqMap.Entry e : map.getEntries()) {
                    o.set(String.valueOf(e.getKey()),
                            e.isValueNull() ? NODES.nullNode() : value(e.getValue(), depth + 1));
                }
                yield o;
            }
            default -> NODES.stringNode(v.toString());
        };
    }

    private DataException explain(Exception e) {
        if (e instanceof DataException d) return d;
        String reason = String.valueOf(e.getMessage()).replaceAll("\\s*[\\r\\n]+\\s*", " ");
        return DataException.of(file + " is not a Parquet file that can be read, at row " + (row + 1) + " (" + reason
                + "); fetch it again, or write it again with snappy, gzip or no compression", e);
    }

    @Override
    public void close() {
        Inputs.closeQuietly(rows);
        Inputs.closeQuietly(parquet);
        rows = null;
    }
}
