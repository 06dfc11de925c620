namespace Taishang.ContractDiff.Protos;

/// <summary>What the .proto files of one folder define, by full name.</summary>
public sealed record ProtoDefinitions
{
    public Dictionary<string, ProtoMessage> Messages { get; } = [];

    public Dictionary<string, ProtoEnum> Enums { get; } = [];

    /// <summary>By full name of the service and name of the method, such as <c>a.b.Service/Call</c>.</summary>
    public Dictionary<string, ProtoMethod> Methods { get; } = [];
}

/// <summary>A message: its fields by number and what it must never use again.</summary>
public sealed record ProtoMessage
{
    public Dictionary<int, ProtoField> Fields { get; } = [];

    public ReservedNumbers Reserved { get; } = new();
}

/// <param name="Label">Empty, optional, repeated, or <c>oneof NAME</c>.</param>
/// <param name="Type">As written, after package names are drawn in where the file can know them.</param>
public sealed record ProtoField(string Name, string Type, string Label);

/// <summary>An enum: its names by number; an alias adds a second name.</summary>
public sealed record ProtoEnum
{
    public Dictionary<int, SortedSet<string>> Values { get; } = [];

    public ReservedNumbers Reserved { get; } = new();
}

/// <param name="Request">Type of the request, with <c>stream</c> before it where it streams.</param>
/// <param name="Response">Type of the answer, likewise.</param>
public sealed record ProtoMethod(string Request, string Response);

/// <summary>Numbers and names that stay out of use.</summary>
public sealed class ReservedNumbers
{
    private readonly List<(int First, int Last)> _ranges = [];

    public IReadOnlyList<(int First, int Last)> Ranges => _ranges;

    public HashSet<string> Names { get; } = [];

    public void Add(int first, int last) => _ranges.Add((first, last));

    public bool Contains(int number) => _ranges.Exists(range => number >= range.First && number <= range.Last);

    /// <summary>True when each number of a range is still reserved, perhaps by several ranges together.</summary>
    public bool ContainsAll(int first, int last)
    {
        long next = first;
        foreach (var range in _ranges.OrderBy(range => range.First))
        {
            if (range.First <= next && range.Last >= next) next = (long)range.Last + 1;
        }

        return next > last;
    }
}
