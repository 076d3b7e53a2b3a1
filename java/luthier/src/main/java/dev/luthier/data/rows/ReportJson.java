package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import dev.luthier.data.source.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The report that a {@link TokenFile} carries, so that kept rows tell how they came about. */
final class ReportJson {
    private ReportJson() {}

    static String write(LoadReport r, int group) {
        ObjectNode o = Json.MAPPER.createObjectNode();
        o.put("records", r.records()).put("bad", r.bad()).put("truncated", r.truncated()).put("dropped", r.dropped())
                .put("pieces", r.pieces()).put("longest", r.longest()).put("group", group);
        r.badRows().forEach(o.putArray("bad_rows")::add);
        r.shapes().forEach(o.putArray("shapes")::add);
        return o.toString();
    }

    static Dataset read(TokenFile rows, Path file) {
        try {
            JsonNode o = Json.MAPPER.readTree(rows.report());
            LoadReport r = new LoadReport(o.required("records").asLong(), o.required("bad").asLong(),
                    strings(o.required("bad_rows")), o.required("truncated").asLong(), o.required("dropped").asLong(),
                    o.required("pieces").asLong(), o.required("longest").asInt(), strings(o.required("shapes")));
            int group = o.required("group").asInt();
            if (group != 1 && group != 2) throw damaged(file, "group " + group);
            return new Dataset(rows, r, group);
        } catch (JacksonException e) {
            throw damaged(file, e.getOriginalMessage());
        }
    }

    private static DataException damaged(Path file, String what) {
        return DataException.of(file + " (encoded rows) has a damaged report (" + what + "); delete it and encode"
                + " again");
    }

    private static List<String> strings(JsonNode array) {
        List<String> list = new ArrayList<>(array.size());
        for (JsonNode n : array) list.add(n.asString());
        return list;
    }
}
