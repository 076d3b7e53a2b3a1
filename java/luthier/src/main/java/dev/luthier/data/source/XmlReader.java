package dev.luthier.data.source;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import java.io.InputStream;
import java.io.Reader;
import java.nio.file.Path;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * XML read as a stream: every element with the record's name is a row. Its attributes and child elements are fields;
 * children of one name become a list; text beside attributes or children is the field {@code content}. An element that
 * holds nothing but a list (as in {@code <messages><message .../></messages>}) is that list. Document types and
 * external entities are refused.
 */
final class XmlReader implements RowReader {
    private static final int MAX_DEPTH = 100;

    private final Path file;
    private final int maxRowBytes;
    private final AutoCloseable in;
    private final XMLStreamReader xml;
    private String element;
    private boolean ended;
    private long item;
    private long budget;

    XmlReader(Path file, SourceOptions options) {
        this.file = file;
        this.maxRowBytes = options.maxRowBytes();
        this.element = options.element();
        XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
        factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
        factory.setProperty(XMLInputFactory.IS_COALESCING, false);
        try {
            if (options.charset() == null) {
                // The parser reads byte order marks and the encoding declaration itself.
                InputStream bytes = Inputs.bytes(file);
                in = bytes;
                xml = factory.createXMLStreamReader(bytes);
            } else {
                Reader text = Inputs.text(file, options.charset());
                in = text;
                xml = factory.createXMLStreamReader(text);
            }
        } catch (XMLStreamException | RuntimeException e) {
            throw explain(e, 1);
        }
    }

    @Override
    public Row next() {
        if (ended) return null;
        try {
            return read();
        } catch (XMLStreamException | RuntimeException e) {
            // The JDK's parser answers some malformed input with unchecked exceptions of its own.
            ended = true;
            throw explain(e, line());
        }
    }

    private Row read() throws XMLStreamException {
        while (xml.hasNext()) {
            if (xml.next() != XMLStreamConstants.START_ELEMENT) continue;
            boolean root = item == 0 && element == null;
            if (root) {
                // The record is what the root element holds; a root without children has none.
                int t;
                do {
                    t = xml.next();
                } while (t != XMLStreamConstants.START_ELEMENT && t != XMLStreamConstants.END_DOCUMENT);
                if (t == XMLStreamConstants.END_DOCUMENT) break;
                element = xml.getLocalName();
            }
            if (!xml.getLocalName().equals(element)) continue;
            item++;
            budget = maxRowBytes;
            Origin origin = Origin.item(file, item, line());
            JsonNode node = element(0, origin);
            if (node instanceof ObjectNode fields) return new Row(origin, fields);
            ObjectNode fields = Json.MAPPER.createObjectNode();
            fields.set("text", node);
            return new Row(origin, fields);
        }
        ended = true;
        if (item == 0 && element != null) {
            throw DataException.of(file + " has no element <" + element + ">; name the element that holds a record");
        }
        return null;
    }

    /** The element at whose start the parser stands: a string, an object or an array. */
    private JsonNode element(int depth, Origin origin) throws XMLStreamException {
        if (depth > MAX_DEPTH) {
            throw DataException.fatal(origin, "nests elements deeper than " + MAX_DEPTH + "; this is not a data set");
        }
        ObjectNode fields = Json.MAPPER.createObjectNode();
        for (int i = 0; i < xml.getAttributeCount(); i++) {
            add(fields, xml.getAttributeLocalName(i), text(xml.getAttributeValue(i), origin));
        }
        boolean attributes = !fields.isEmpty();
        int children = 0;
        StringBuilder text = new StringBuilder();
        while (true) {
            int t = xml.next();
            if (t == XMLStreamConstants.END_ELEMENT) break;
            switch (t) {
                case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA, XMLStreamConstants.SPACE ->
                    text.append(spend(xml.getText(), origin));
                case XMLStreamConstants.START_ELEMENT -> {
                    children++;
                    spend(xml.getLocalName(), origin);
                    add(fields, xml.getLocalName(), element(depth + 1, origin));
                }
                case XMLStreamConstants.ENTITY_REFERENCE ->
                    throw DataException.fatal(origin, "uses the entity &" + xml.getLocalName()
                            + "; which only a document type could define; write the character itself");
                default -> { }
            }
        }
        if (children == 0 && !attributes) return Json.MAPPER.getNodeFactory().stringNode(text.toString());
        if (children > 0 && !attributes && fields.size() == 1) {
            String only = fields.propertyNames().iterator().next();
            JsonNode list = fields.get(only);
            if (list.isArray()) return list;
            if (depth > 0 && list.isObject()) return Json.MAPPER.createArrayNode().add(list);
        }
        if (!text.toString().isBlank() && !fields.has("content")) fields.put("content", text.toString());
        return fields;
    }

    private static void add(ObjectNode fields, String name, JsonNode value) {
        JsonNode before = fields.get(name);
        if (before == null) {
            fields.set(name, value);
        } else if (before instanceof ArrayNode list && !(value instanceof ArrayNode)) {
            list.add(value);
        } else {
            fields.set(name, Json.MAPPER.createArrayNode().add(before).add(value));
        }
    }

    private JsonNode text(String s, Origin origin) {
        return Json.MAPPER.getNodeFactory().stringNode(spend(s, origin));
    }

    private String spend(String s, Origin origin) {
        budget -= s.length();
        if (budget < 0) {
            throw DataException.fatal(origin, "is longer than " + maxRowBytes
                    + " characters; name the element that holds a record with --element, or raise --max-row-bytes");
        }
        return s;
    }

    private long line() {
        return Math.max(1, xml.getLocation().getLineNumber());
    }

    private DataException explain(Exception e, long line) {
        Inputs.closeQuietly(in);
        if (e instanceof DataException d) return d;
        if (e instanceof XMLStreamException x && x.getLocation() != null) line = x.getLocation().getLineNumber();
        String reason = String.valueOf(e.getMessage()).replaceAll("\\s*[\\r\\n]+\\s*", " ");
        return DataException.fatal(Origin.line(file, Math.max(1, line)),
                "is not well-formed XML (" + reason + "); correct the file");
    }

    @Override
    public void close() {
        try {
            xml.close();
        } catch (XMLStreamException e) {
            // Only reading was done: nothing is lost when closing fails.
        }
        Inputs.closeQuietly(in);
    }
}
