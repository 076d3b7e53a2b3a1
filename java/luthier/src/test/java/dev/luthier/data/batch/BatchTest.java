package dev.luthier.data.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import dev.luthier.data.rows.Examples;
import dev.luthier.data.rows.MemoryExamples;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BatchTest {
    /** Rows of random length; row i holds the id i everywhere and is named i. */
    private static Examples rows(int n, int maxLength, long seed) {
        Random random = new Random(seed);
        List<Example> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int[] ids = new int[1 + random.nextInt(maxLength)];
            Arrays.fill(ids, i);
            rows.add(new Example(ids, ids.clone(), String.valueOf(i)));
        }
        return new MemoryExamples(rows);
    }

    private static List<Integer> order(Batches b, int epoch) {
        List<Integer> order = new ArrayList<>();
        for (int s = 0; s < b.steps(epoch); s++) {
            for (Batch m : b.step(epoch, s).batches()) m.origins().forEach(o -> order.add(Integer.parseInt(o)));
        }
        return order;
    }

    @Test
    void rowsStandOneBehindTheOther() {
        Batch b = Batch.of(List.of(new Example(new int[] {1, 2, 3}, new int[] {-100, 2, 3}, "a"),
                new Example(new int[] {4}, new int[] {4}, "b"),
                new Example(new int[] {5, 6, 7, 8}, new int[] {5, -100, 9, 8}, "c")));
        assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, b.ids());
        assertArrayEquals(new int[] {0, 1, 2, 0, 0, 1, 2, 3}, b.positions());
        assertArrayEquals(new int[] {0, 3, 4, 8}, b.cuSeqlens());
        assertArrayEquals(new int[] {2, 3, -100, -100, -100, 9, 8, -100}, b.targets());
        assertEquals(4, b.targetTokens());
        assertEquals(4, b.maxLength());
        assertEquals(8, b.tokens());
        assertEquals(3, b.rows());
    }

    @ParameterizedTest
    @EnumSource(BatchOptions.Grouping.class)
    void everyRowOnceAnEpochWhateverTheGrouping(BatchOptions.Grouping grouping) {
        Examples rows = rows(1003, 60, 3);
        for (boolean shuffle : new boolean[] {true, false}) {
            Batches b = new Batches(rows, new BatchOptions(4, 3, grouping, 100, shuffle, 3407, 1));
            for (int epoch = 0; epoch < 3; epoch++) {
                List<Integer> order = order(b, epoch);
                assertEquals(1003, order.size());
                assertEquals(1003, new HashSet<>(order).size());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(BatchOptions.Grouping.class)
    void theOrderIsAFunctionOfSeedAndEpoch(BatchOptions.Grouping grouping) {
        Examples rows = rows(300, 50, 4);
        BatchOptions o = new BatchOptions(2, 4, grouping, 100, true, 3407, 1);
        assertEquals(order(new Batches(rows, o), 2), order(new Batches(rows, o), 2));
        assertNotEquals(order(new Batches(rows, o), 1), order(new Batches(rows, o), 2));
        BatchOptions other = new BatchOptions(2, 4, grouping, 100, true, 3408, 1);
        assertNotEquals(order(new Batches(rows, o), 2), order(new Batches(rows, other), 2));
    }

    @Test
    void withoutShufflingRowsComeInFileOrder() {
        Batches b = new Batches(rows(10, 5, 1), BatchOptions.of(2, 2, 1).unshuffled());
        assertEquals(IntStream.range(0, 10).boxed().toList(), order(b, 0));
        assertEquals(order(b, 0), order(b, 7));
        assertEquals(3, b.steps(0));
        assertEquals(1, b.step(0, 2).batches().size());
        assertThrows(IndexOutOfBoundsException.class, () -> b.step(0, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> b.step(0, -1));
    }

    /** 200 rows at batch 2 x 4, as in the well-known tutorial, are 25 steps. */
    @Test
    void stepsOfTheTutorial() {
        Batches b = new Batches(rows(200, 9, 1), BatchOptions.of(2, 4, 3407));
        assertEquals(25, b.steps(0));
        assertEquals(75, b.totalSteps(3));
        assertEquals(new Cursor(2, 20), b.cursor(70));
        assertEquals(new Cursor(0, 0), b.cursor(0));
        assertEquals(new Cursor(1, 0), b.cursor(25));
        assertEquals(new Cursor(1, 0), b.after(new Cursor(0, 24)));
        assertEquals(new Cursor(1, 1), b.after(new Cursor(1, 0)));
    }

    @Test
    void packedRowsAreNeverLongerThanAllowedAndWellFilled() {
        Examples rows = rows(20_000, 700, 5);
        Batches b = new Batches(rows, BatchOptions.of(1, 8, 3407).packed(2048));
        int packed = 0;
        for (int s = 0; s < b.steps(0); s++) {
            for (Batch m : b.step(0, s).batches()) {
                assertTrue(m.tokens() <= 2048, m.tokens() + " tokens");
                packed++;
            }
        }
        assertTrue(packed <= 1.01 * rows.tokens() / 2048 + 3, packed + " rows for " + rows.tokens() + " tokens");
        assertTrue(b.fill(0) > 0.99, "fill " + b.fill(0));
    }

    @Test
    void packingStartsNoEpochWithTheLongestRows() {
        Batches b = new Batches(rows(4000, 1000, 6), BatchOptions.of(1, 1, 1).packed(1000));
        long first = 0, all = 0;
        for (int s = 0; s < b.steps(0); s++) {
            int n = b.step(0, s).batches().getFirst().rows();
            all += n;
            if (s < b.steps(0) / 4) first += n;
        }
        double share = (double) first / all;
        assertTrue(share > 0.2 && share < 0.3, "the first quarter holds " + share + " of the rows");
    }

    @Test
    void aRowLongerThanAPackStandsAlone() {
        Examples rows = new MemoryExamples(List.of(new Example(new int[9], new int[9], "long"),
                new Example(new int[2], new int[2], "short")));
        Batches b = new Batches(rows, BatchOptions.of(1, 1, 1).packed(5).unshuffled());
        assertEquals(2, b.steps(0));
    }

    @Test
    void rowsOfLikeLengthGoTogether() {
        Examples rows = rows(5000, 1000, 7);
        Batches b = new Batches(rows, BatchOptions.of(8, 4, 1).groupedByLength());
        long waste = 0;
        boolean shuffled = false;
        int before = Integer.MAX_VALUE;
        for (int s = 0; s < b.steps(0); s++) {
            for (Batch m : b.step(0, s).batches()) {
                waste += (long) m.maxLength() * m.rows() - m.tokens();
                shuffled |= m.maxLength() > before;
                before = m.maxLength();
            }
        }
        assertTrue(waste < 0.05 * rows.tokens(), "waste " + waste + " of " + rows.tokens());
        assertTrue(shuffled, "micro-batches come by falling length");
    }

    @Test
    void preferencesStayTogether() {
        Batches b = new Batches(rows(20, 5, 1), BatchOptions.of(3, 1, 1).ofGroups(2));
        List<Integer> order = order(b, 0);
        assertEquals(20, new HashSet<>(order).size());
        for (int i = 0; i < 20; i += 2) assertEquals(order.get(i) + 1, order.get(i + 1));
        assertEquals(6, b.step(0, 0).batches().getFirst().rows());
        assertThrows(IllegalArgumentException.class, () -> BatchOptions.of(1, 1, 1).ofGroups(2).packed(5));
    }

    @Test
    void holdingOut() {
        HoldOut h = HoldOut.choose(200, 1, 0.1, 3407);
        assertEquals(20, h.held().length);
        assertEquals(180, h.train().length);
        Set<Integer> all = new HashSet<>();
        IntStream.concat(Arrays.stream(h.held()), Arrays.stream(h.train())).forEach(all::add);
        assertEquals(200, all.size());
        assertArrayEquals(h.held(), HoldOut.choose(200, 1, 0.1, 3407).held());
        assertFalse(Arrays.equals(h.held(), HoldOut.choose(200, 1, 0.1, 1).held()));
        assertEquals(1, HoldOut.choose(2, 1, 0.001, 1).held().length);
        assertEquals(1, HoldOut.choose(2, 1, 0.999, 1).train().length);
        HoldOut pairs = HoldOut.choose(20, 2, 0.3, 1);
        assertEquals(6, pairs.held().length);
        for (int i = 0; i < 6; i += 2) assertEquals(pairs.held()[i] + 1, pairs.held()[i + 1]);
        assertThrows(DataException.class, () -> HoldOut.choose(1, 1, 0.1, 1));
        assertThrows(DataException.class, () -> HoldOut.choose(10, 1, 1, 1));
        assertThrows(DataException.class, () -> HoldOut.choose(10, 1, Double.NaN, 1));
    }

    @Test
    void noRowsNoBatches() {
        assertThrows(DataException.class, () -> new Batches(new MemoryExamples(List.of()), BatchOptions.of(1, 1, 1)));
    }

    @Test
    void targetTokensOfAStepCountAllItsBatches() {
        Examples rows = rows(10, 6, 9);
        Batches b = new Batches(rows, BatchOptions.of(2, 5, 1));
        Step s = b.step(0, 0);
        assertEquals(rows.targetTokens(), s.targetTokens());
        assertEquals(rows.tokens(), s.tokens());
    }
}
