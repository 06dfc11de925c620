using System.Globalization;
using System.Text;
using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;
using HitGroup = Taishang.Contracts.Ai.V1.HitGroup;

namespace Taishang.Ai.Rpc;

/// <summary>Answers of the engine as messages.</summary>
internal static class WireHits
{
    /// <summary>Reads the hits where they lie in the engine: the message's are the only copies.</summary>
    public static Hits Of(SearchMatches matches, SearchVectorsRequest request)
    {
        var hits = new Hits();
        hits.Hits_.Capacity = matches.Count;
        for (var i = 0; i < matches.Count; i++)
        {
            var match = matches[i];
            var hit = new Hit { Id = IdOf(match), Distance = match.Distance, Score = match.Score };
            if (request.IncludeMetadata && !match.MetadataJson.IsEmpty)
                hit.MetadataJson = ByteString.CopyFrom(match.MetadataJson);
            if (request.IncludeVector) hit.Vector.AddRange(match.Vector);
            hits.Hits_.Add(hit);
        }

        return hits;
    }

    public static Hits Of(GroupedAnswer answer)
    {
        var hits = new Hits();
        foreach (var found in answer.Groups)
        {
            var group = new HitGroup { ValueJson = UnsafeByteOperations.UnsafeWrap(found.ValueJson) };
            foreach (var hit in found.Hits) group.Hits.Add(ToWire(hit));
            hits.Groups.Add(group);
        }

        return hits;
    }

    private static Hit ToWire(SearchHit found)
    {
        var hit = new Hit { Id = RowCalls.ToWire(found.Id), Distance = found.Distance, Score = found.Score };
        if (!found.MetadataJson.IsEmpty) hit.MetadataJson = RowCalls.Metadata(found.MetadataJson);
        if (!found.Vector.IsEmpty) hit.Vector.AddRange(found.Vector.Span);
        return hit;
    }

    private static RowId IdOf(SearchMatch match) =>
        match.IdIsInteger && long.TryParse(match.IdUtf8, CultureInfo.InvariantCulture, out var integer)
            ? new RowId { Integer = integer }
            : new RowId { Text = Encoding.UTF8.GetString(match.IdUtf8) };
}
