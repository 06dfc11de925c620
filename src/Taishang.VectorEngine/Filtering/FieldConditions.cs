using System.Numerics;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>A condition on a field, or several comparisons that must all hold, and how to find out.</summary>
internal sealed class FieldConditions(ConditionNode first, FieldUse use)
{
    private readonly List<ConditionNode> _conditions = [first];

    /// <summary>Rows that an index will give, about; without one, more than there can be.</summary>
    public long Expected { get; private set; } = long.MaxValue;

    /// <summary>Another comparison of the same field's order.</summary>
    public void Add(ConditionNode condition) => _conditions.Add(condition);

    public void Estimate()
    {
        if (use.Index is not null)
            Expected = use.Index.Estimate(_conditions, use.Column);
    }

    /// <summary>Those of the first rows for which all hold.</summary>
    public RowBitmap Matches(int rows)
    {
        var matched = new RowBitmap(rows);
        var row = 0;
        if (use.Index is not null)
        {
            use.Index.AddMatches(_conditions, use.Column, matched);
            row = use.Index.Rows;
            if (row == rows)
                return matched;
        }

        var matchers = Matchers(rows - row);
        for (; row < rows; row++)
        {
            if (Holds(matchers, row))
                matched.Add(row);
        }

        return matched;
    }

    /// <summary>Takes the other rows out of a bitmap.</summary>
    public void Keep(RowBitmap rows)
    {
        var matchers = Matchers(rows.CountSet());
        for (var word = 0; word < rows.Words.Length; word++)
        {
            for (var bits = rows.Words[word]; bits != 0; bits &= bits - 1)
            {
                var bit = BitOperations.TrailingZeroCount(bits);
                if (!Holds(matchers, (word << 6) + bit))
                    rows.Words[word] &= ~(1UL << bit);
            }
        }
    }

    private ConditionMatcher[] Matchers(int rows) =>
        [.. _conditions.Select(condition => new ConditionMatcher(condition, use.Column, use.View, rows))];

    private bool Holds(ConditionMatcher[] matchers, int row)
    {
        var kind = use.View.Kinds[row];
        if (kind == ValueKind.Missing)
            return false;

        var bits = use.View.Bits[row];
        foreach (var matcher in matchers)
        {
            if (!matcher.Matches(kind, bits))
                return false;
        }

        return true;
    }
}
