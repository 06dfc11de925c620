using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api.Limits;

/// <summary>
/// Groups of routes that have limits, by the beginning of their paths. They are named here, so that made-up paths make
/// no buckets.
/// </summary>
internal static class RouteGroups
{
    private const string Prefix = "/api/taishang/";

    public static readonly string[] Names =
    [
        "models", "routes", "budgets", "usage", "vector_collections", "collection_aliases", "collection_snapshots",
        "vectors", "tasks", "alerts", "service_calls", "v1", "other",
    ];

    private static readonly int Front = Array.IndexOf(Names, "v1");
    private static readonly int Other = Array.IndexOf(Names, "other");

    /// <summary>The place of the group in <see cref="Names"/>; -1 where nothing is limited, as for health.</summary>
    public static int Of(PathString path)
    {
        if (OpenAiError.IsFormOf(path)) return Front;
        var value = path.Value;
        if (value is null || !value.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return -1;
        var rest = value.AsSpan(Prefix.Length);
        var end = rest.IndexOf('/');
        var segment = end < 0 ? rest : rest[..end];
        for (var i = 0; i < Front; i++)
        {
            if (segment.Equals(Names[i], StringComparison.OrdinalIgnoreCase)) return i;
        }

        return Other;
    }
}
