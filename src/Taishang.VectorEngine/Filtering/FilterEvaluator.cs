using System.Numerics;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// Evaluates a filter over the first rows of a table into a bitmap. A condition takes the rows that its field's index
/// covers from there and looks at the others one by one; of several that must all hold, those that an index answers
/// come first, and the others look only at what these left.
/// </summary>
internal static class FilterEvaluator
{
    public static RowBitmap Evaluate(MetadataFilter filter, ColumnCache columns, int rows) =>
        Evaluate(filter.Root, columns, rows);

    private static RowBitmap Evaluate(FilterNode node, ColumnCache columns, int rows)
    {
        switch (node)
        {
            case AndNode and:
                return All(and, columns, rows);

            case OrNode or:
                var any = new RowBitmap(rows);
                foreach (var part in or.Parts)
                    any.Or(Evaluate(part, columns, rows));
                return any;

            case NotNode not:
                var inverted = Evaluate(not.Part, columns, rows);
                inverted.Invert();
                return inverted;

            default:
                var condition = (ConditionNode)node;
                var matched = new RowBitmap(rows);
                AddMatches(condition, columns.Use(condition.Field, rows), matched);
                return matched;
        }
    }

    private static RowBitmap All(AndNode and, ColumnCache columns, int rows)
    {
        RowBitmap? all = null;
        var later = new List<(ConditionNode Condition, FieldUse Use)>();
        foreach (var part in and.Parts)
        {
            if (part is not ConditionNode condition)
            {
                Restrict(ref all, Evaluate(part, columns, rows));
                continue;
            }

            var use = columns.Use(condition.Field, rows);
            if (use.Index is null)
            {
                later.Add((condition, use));
                continue;
            }

            var matched = new RowBitmap(rows);
            AddMatches(condition, use, matched);
            Restrict(ref all, matched);
        }

        foreach (var (condition, use) in later)
        {
            if (all is null)
            {
                all = new RowBitmap(rows);
                AddMatches(condition, use, all);
            }
            else
            {
                Keep(condition, use, all);
            }
        }

        if (all is not null)
            return all;

        all = new RowBitmap(rows);
        all.Fill();
        return all;
    }

    private static void Restrict(ref RowBitmap? all, RowBitmap part)
    {
        if (all is null)
            all = part;
        else
            all.And(part);
    }

    private static void AddMatches(ConditionNode condition, FieldUse use, RowBitmap matched)
    {
        var row = 0;
        if (use.Index is not null)
        {
            use.Index.AddMatches(condition, use.Column, matched);
            row = use.Index.Rows;
            if (row == matched.Rows)
                return;
        }

        var view = use.View;
        var matcher = new ConditionMatcher(condition, use.Column, view, matched.Rows - row);
        for (; row < matched.Rows; row++)
        {
            var kind = view.Kinds[row];
            if (kind != ValueKind.Missing && matcher.Matches(kind, view.Bits[row]))
                matched.Add(row);
        }
    }

    /// <summary>Takes out of the bitmap the rows that the condition does not hold for.</summary>
    private static void Keep(ConditionNode condition, FieldUse use, RowBitmap matched)
    {
        var view = use.View;
        var matcher = new ConditionMatcher(condition, use.Column, view, matched.CountSet());
        for (var word = 0; word < matched.Words.Length; word++)
        {
            for (var bits = matched.Words[word]; bits != 0; bits &= bits - 1)
            {
                var bit = BitOperations.TrailingZeroCount(bits);
                var row = (word << 6) + bit;
                var kind = view.Kinds[row];
                if (kind == ValueKind.Missing || !matcher.Matches(kind, view.Bits[row]))
                    matched.Words[word] &= ~(1UL << bit);
            }
        }
    }
}
