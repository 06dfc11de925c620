namespace Taishang.Core.Data;

/// <summary>A row whose JSON names something of another slice.</summary>
public sealed record NamedReference
{
    public string Id { get; init; } = "";

    /// <summary>The row's own name, or what stands for one.</summary>
    public string Name { get; init; } = "";

    /// <summary>As the row has it.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The text at <c>model</c> in the payload of a task, as SQL.</summary>
    internal static string ModelOf(Dialect dialect) =>
        dialect == Dialect.Sqlite ? "json_extract(payload, '$.model')" : "(payload::json ->> 'model')";
}
