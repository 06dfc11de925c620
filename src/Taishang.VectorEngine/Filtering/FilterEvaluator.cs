using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>Evaluates a filter over the first rows of a table into a bitmap.</summary>
internal static class FilterEvaluator
{
    public static RowBitmap Evaluate(MetadataFilter filter, ColumnCache columns, int rows) =>
        Evaluate(filter.Root, columns, rows);

    private static RowBitmap Evaluate(FilterNode node, ColumnCache columns, int rows)
    {
        switch (node)
        {
            case AndNode and:
                var all = new RowBitmap(rows);
                all.Fill();
                foreach (var part in and.Parts)
                    all.And(Evaluate(part, columns, rows));
                return all;

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
                return Evaluate((ConditionNode)node, columns, rows);
        }
    }

    private static RowBitmap Evaluate(ConditionNode condition, ColumnCache columns, int rows)
    {
        var column = columns.Column(condition.Field);
        var view = column.View(columns.Table, rows);
        var matched = new RowBitmap(rows);
        var matcher = new ConditionMatcher(condition, column, view);
        for (var row = 0; row < rows; row++)
        {
            var kind = view.Kinds[row];
            if (kind != ValueKind.Missing && matcher.Matches(kind, view.Bits[row]))
                matched.Add(row);
        }

        return matched;
    }
}
