namespace Taishang.Executors;

/// <summary>What is wrong with a payload, field by field.</summary>
public sealed class PayloadErrors
{
    /// <summary>More than this would bury the reader; the rest is counted.</summary>
    public const int ErrorsMax = 20;

    private readonly List<(string Field, string Message)> _errors = [];

    /// <summary>All that were added, those beyond <see cref="ErrorsMax"/> too.</summary>
    public int Count { get; private set; }

    /// <summary>The first <see cref="ErrorsMax"/>.</summary>
    public IReadOnlyList<(string Field, string Message)> Errors => _errors;

    /// <param name="field">In dotted form with row numbers, such as <c>payload.rows[3].text</c>.</param>
    /// <param name="message">What was expected, and what came.</param>
    public void Add(string field, string message)
    {
        if (Count++ < ErrorsMax) _errors.Add((field, message));
    }
}
