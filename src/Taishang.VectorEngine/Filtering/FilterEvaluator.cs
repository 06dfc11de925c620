using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// Evaluates a filter over the first rows of a table into a bitmap. A condition takes the rows that its field's index
/// covers from there and looks at the others one by one. Of several that must all hold, the one that an index answers
/// with the fewest rows comes first; each further one is asked of its index too, or of the rows that are left when they
/// are fewer. Two bounds of one field are one range.
/// </summary>
internal static class FilterEvaluator
{
    /// <summary>Rows that an index gives in the time in which one row is looked at, about.</summary>
    private const int GivenPerLook = 4;

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
                return new FieldConditions(condition, columns.Use(condition.Field, rows)).Matches(rows);
        }
    }

    private static RowBitmap All(AndNode and, ColumnCache columns, int rows)
    {
        RowBitmap? all = null;
        foreach (var part in and.Parts)
        {
            if (part is ConditionNode)
                continue;

            var matched = Evaluate(part, columns, rows);
            if (all is null)
                all = matched;
            else
                all.And(matched);
        }

        foreach (var conditions in Group(and, columns, rows))
        {
            if (all is null)
                all = conditions.Matches(rows);
            else if (conditions.Expected <= all.CountSet() * (long)GivenPerLook)
                all.And(conditions.Matches(rows));
            else
                conditions.Keep(all);
        }

        if (all is not null)
            return all;

        all = new RowBitmap(rows);
        all.Fill();
        return all;
    }

    /// <summary>The conditions on fields, bounds of one field together, those first that fewest rows are expected
    /// of.</summary>
    private static IEnumerable<FieldConditions> Group(AndNode and, ColumnCache columns, int rows)
    {
        var groups = new List<FieldConditions>();
        var bounds = new Dictionary<string, FieldConditions>();
        foreach (var part in and.Parts)
        {
            if (part is not ConditionNode condition)
                continue;

            if (condition.IsOrdered && bounds.TryGetValue(condition.Field, out var same))
            {
                same.Add(condition);
                continue;
            }

            var conditions = new FieldConditions(condition, columns.Use(condition.Field, rows));
            groups.Add(conditions);
            if (condition.IsOrdered)
                bounds.Add(condition.Field, conditions);
        }

        if (and.Parts.Count == 1)
            return groups;

        foreach (var conditions in groups)
            conditions.Estimate();
        return groups.OrderBy(conditions => conditions.Expected);
    }
}
