package dev.luthier.data.record;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import dev.luthier.data.Origin;
import dev.luthier.data.source.Json;
import dev.luthier.data.source.Row;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class RecordParserTest {
    private long line;

    private Row row(String json) {
        return new Row(Origin.line(Path.of("data.jsonl"), ++line), (ObjectNode) Json.MAPPER.readTree(json.replace('\'', '"')));
    }

    private Sample parse(String json) {
        return new RecordParser(Columns.Overrides.NONE).parse(row(json));
    }

    private static String show(Turn t) {
        return t.role() + (t.trained() ? "" : "*") + (t.thinking() == null ? "" : "{" + t.thinking() + "}") + ":"
                + t.content() + (t.input() == null ? "" : "|" + t.input()) + (t.extra().isEmpty() ? "" : t.extra());
    }

    private String turns(String json) {
        return show((Conversation) parse(json));
    }

    private static String show(Conversation c) {
        return String.join(" / ", c.turns().stream().map(RecordParserTest::show).toList());
    }

    private String error(String json) {
        DataException e = assertThrows(DataException.class, () -> parse(json));
        assertTrue(e.isRow(), e.getMessage());
        return e.getMessage();
    }

    @Test
    void theTutorialsColumns() {
        assertEquals("user:q / assistant{c}:r", turns("{'Question':'q','Response':'r','Complex_CoT':'c'}"));
    }

    @Test
    void alpaca() {
        assertEquals("system:s / user:do|with / assistant:out",
                turns("{'instruction':'do','input':'with','output':'out','system':'s'}"));
        assertEquals("user:do / assistant:out", turns("{'instruction':'do','input':'','output':'out','text':'all'}"));
        assertEquals("user:do / assistant{hm}:out",
                turns("{'instruction':'do','output':'<think>\\nhm\\n</think>\\n\\nout'}"));
    }

    /** Every name that data sets are known to use, alone in its role. */
    @ParameterizedTest
    @CsvSource({"question,answer,Complex_CoT", "input,output,complexCOT", "query,response,thinking",
        "prompt,completion,analysis", "instruction,target,cot", "问题,答案,思维链", "输入,输出,推理", "指令,回答,reasoning",
        "Question,Answer,rationale", "user,final,reasoning_content", "prompt,response,Chain of Thought"})
    void columnNames(String question, String answer, String thinking) {
        assertEquals("user:q / assistant{t}:a",
                turns("{'" + question + "':'q','" + answer + "':'a','" + thinking + "':'t'}"));
    }

    @Test
    void openAiMessages() {
        assertEquals("system:s / user:hi{name=Ann} / assistant*:a / user:b / assistant:c",
                turns("{'messages':[{'role':'system','content':'s'},{'role':'user','content':'hi','name':'Ann'},"
                        + "{'role':'assistant','content':'a','weight':0},{'role':'user','content':[{'type':'text',"
                        + "'text':'b'}]},{'role':'assistant','content':'c','weight':1}]}"));
    }

    @Test
    void toolsPassThrough() {
        Conversation c = (Conversation) parse("{'messages':[{'role':'user','content':'w?'},{'role':'assistant',"
                + "'content':null,'tool_calls':[{'id':'1','function':{'name':'f','arguments':'{}'}}]},"
                + "{'role':'tool','tool_call_id':'1','content':'rain'},{'role':'assistant','content':'wet'}],"
                + "'tools':[{'type':'function','function':{'name':'f'}}]}");
        assertEquals(List.of(Map.of("type", "function", "function", Map.of("name", "f"))), c.tools());
        assertEquals(List.of(Map.of("id", "1", "function", Map.of("name", "f", "arguments", "{}"))),
                c.turns().get(1).extra().get("tool_calls"));
        assertEquals(Map.of("tool_call_id", "1"), c.turns().get(2).extra());
    }

    @Test
    void shareGpt() {
        assertEquals("system:s / user:a / assistant:b / tool:o / assistant:c",
                turns("{'system':'s','conversations':[{'from':'human','value':'a'},{'from':'gpt','value':'b'},"
                        + "{'from':'observation','value':'o'},{'from':'gpt','value':'c'}]}"));
    }

    @Test
    void multilingualThinking() {
        assertEquals("system:sys / user:u / assistant{deep}:f",
                turns("{'reasoning_language':'German','developer':'d','user':'u','analysis':'deep','final':'f',"
                        + "'messages':[{'role':'system','content':'sys','thinking':null},{'role':'user','content':'u',"
                        + "'thinking':null},{'role':'assistant','content':'f','thinking':'deep'}]}"));
        assertEquals("system:d / user:u / assistant{deep}:f",
                turns("{'reasoning_language':'German','developer':'d','user':'u','analysis':'deep','final':'f'}"));
    }

    @Test
    void messagesAsJsonInACsvColumn() {
        Row r = new Row(Origin.line(Path.of("d.csv"), 2), Json.MAPPER.createObjectNode().put("messages",
                "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]"));
        assertEquals("user:a / assistant:b", show((Conversation) new RecordParser(Columns.Overrides.NONE).parse(r)));
        Row bad = new Row(Origin.line(Path.of("d.csv"), 3), Json.MAPPER.createObjectNode().put("messages", "[{]"));
        assertTrue(assertThrows(DataException.class, () -> new RecordParser(Columns.Overrides.NONE).parse(bad))
                .getMessage().startsWith("d.csv line 3: column 'messages' begins like JSON but is not valid"));
    }

    @Test
    void promptAndCompletionMayBeMessages() {
        assertEquals("user:p / assistant:c", turns("{'prompt':'p','completion':'c'}"));
        assertEquals("user*:p / assistant:c",
                turns("{'prompt':[{'role':'user','content':'p'}],'completion':[{'role':'assistant','content':'c'}]}"));
    }

    @Test
    void rawText() {
        assertEquals(new RawText(Origin.line(Path.of("data.jsonl"), 1), "hello"), parse("{'text':'hello','meta':3}"));
    }

    @Test
    void tokenRows() {
        TokenRow t = (TokenRow) parse("{'input_ids':[1,2,3,0],'labels':[-100,2,3,-100],'attention_mask':[1,1,1,0]}");
        assertArrayEquals(new int[] {1, 2, 3}, t.ids());
        assertArrayEquals(new int[] {-100, 2, 3}, t.labels());
        assertArrayEquals(new int[] {4, 5}, ((TokenRow) parse("{'input_ids':[4,5]}")).labels());
        assertTrue(error("{'input_ids':[1,2],'labels':[1]}").contains("has 2 input_ids but 1 labels"));
        assertTrue(error("{'input_ids':[1,2.5]}").contains("[1] is 2.5, but a token id is a whole number"));
        assertTrue(error("{'input_ids':[1,99999999999]}").contains("whole number"));
        assertTrue(error("{'input_ids':'x'}").contains("must be an array of whole numbers"));
    }

    @Test
    void preferences() {
        Preference p = (Preference) parse("{'prompt':'p','chosen':'good','rejected':'bad'}");
        assertEquals("user*:p / assistant:good", show(p.chosen()));
        assertEquals("user*:p / assistant:bad", show(p.rejected()));
        p = (Preference) parse("{'chosen':[{'role':'user','content':'p'},{'role':'assistant','content':'good'}],"
                + "'rejected':[{'role':'user','content':'p'},{'role':'assistant','content':'bad'}]}");
        assertEquals("user*:p / assistant:bad", show(p.rejected()));
        p = (Preference) parse("{'conversations':[],'instruction':'p','chosen':{'from':'gpt','value':'good'},"
                + "'rejected':{'from':'gpt','value':'bad'}}");
        assertEquals("user*:p / assistant:good", show(p.chosen()));
        assertTrue(error("{'prompt':'p','chosen':'good'}").contains("has a question"));
        assertTrue(error("{'chosen':'good','text_a':''}").contains("only one of the columns chosen and rejected"));
    }

    @Test
    void aMissingAnswerIsNamedWithItsRemedy() {
        line = 16;
        assertEquals("data.jsonl line 17: has no answer: column 'Response' is empty; fill it in, remove the row or pass"
                + " --skip-bad-rows", error("{'Question':'q','Complex_CoT':'c','Response':'  '}"));
        assertTrue(error("{'Question':'q','Response':null}").contains("column 'Response' is empty"));
        assertEquals("data.jsonl line 19: has a question (column 'Question') but no answer; its columns are Question,"
                + " Complex_CoT; add the answer, or name its column with --columns answer=NAME, or pass"
                + " --skip-bad-rows", error("{'Question':'q','Complex_CoT':'c'}"));
        assertTrue(error("{'messages':[{'role':'user','content':'a'}]}").contains("holds no assistant message"));
        assertTrue(error("{'messages':[]}").contains("holds no assistant message"));
        assertTrue(error("{'messages':[{'role':'user','content':'a'},{'role':'assistant','content':''}]}")
                .contains("column 'messages'[1] (assistant) has no content"));
        assertTrue(error("{'messages':[{'role':'user','content':'a'},{'role':'assistant','content':'b','weight':0}]}")
                .contains("weight 0"));
    }

    @Test
    void oddRowsAreNamed() {
        assertTrue(error("{'foo':1}").contains("is of no known shape: its columns are foo; name them with --columns"));
        assertTrue(error("{}").contains("it has no column at all"));
        assertTrue(error("{'question':'q','answer':{'x':1}}").contains("column 'answer' holds an object"));
        assertTrue(error("{'question':'q','answer':'\\ud83d'}").contains("half a character (\\ud83d"));
        assertTrue(error("{'messages':[{'role':'wizard','content':'x'}]}").contains("has the role 'wizard'"));
        assertTrue(error("{'messages':[{'content':'x'}]}").contains("has no role"));
        assertTrue(error("{'messages':[7]}").contains("is not a message object"));
        assertTrue(error("{'messages':[{'role':'user','content':[{'type':'image_url'}]}]}").contains("not text"));
        assertTrue(error("{'messages':[{'role':'assistant','content':'x','weight':0.5}]}").contains("weight is 0.5"));
        assertTrue(error("{'text':''}").contains("has no text"));
    }

    @Test
    void numbersAreText() {
        assertEquals("user:2+2? / assistant:4", turns("{'question':'2+2?','answer':4}"));
    }

    @Test
    void columnsCanBeNamed() {
        RecordParser p = new RecordParser(Columns.Overrides.parse("question=Frage, answer=Antwort,thinking="));
        assertEquals("user:q / assistant:a",
                show((Conversation) p.parse(row("{'Frage':'q','Antwort':'a','thinking':'t','answer':'no'}"))));
        DataException e = assertThrows(DataException.class, () -> p.parse(row("{'Frage':'q','answer':'a'}")));
        assertTrue(e.getMessage().contains("has no column 'Antwort', which --columns names for answer"), e.getMessage());
        RecordParser t = new RecordParser(Columns.Overrides.parse("text=output"));
        assertEquals("all", ((RawText) t.parse(row("{'instruction':'x','output':'all'}"))).text());
        assertThrows(DataException.class, () -> Columns.Overrides.parse("reply=x"));
        assertThrows(DataException.class, () -> Columns.Overrides.parse("question"));
        assertThrows(DataException.class, () -> Columns.Overrides.parse("question=a,question=b"));
    }

    @Test
    void recognitionIsReported() {
        RecordParser p = new RecordParser(Columns.Overrides.NONE);
        p.parse(row("{'Question':'q','Response':'r','Complex_CoT':'c','id':1}"));
        assertEquals("question and answer (question=Question, thinking=Complex_CoT, answer=Response)",
                p.recognised().get("data.jsonl").describe());
    }

    @Test
    void oneFileHasOneShape() {
        RecordParser p = new RecordParser(Columns.Overrides.NONE);
        p.parse(row("{'question':'q','answer':'a','text':'t'}"));
        p.parse(row("{'question':'q','answer':'a','system':'s'}"));
        DataException e = assertThrows(DataException.class, () -> p.parse(row("{'question':'q','text':'t'}")));
        assertTrue(e.getMessage().startsWith("data.jsonl line 3: reads as raw text (text=text), but the rows before it as"
                + " question and answer (question=question, answer=answer)"), e.getMessage());
    }
}
