using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Collections;

namespace Taishang.Core.Vectors;

/// <summary>Rows of a collection as queries: so many of all, each as likely as any other.</summary>
internal sealed class RowSample(IAiClient ai)
{
    /// <summary>Pages of ten thousand ids that are looked through: the first ten million rows.</summary>
    private const int PagesMax = 1_000;

    /// <summary>Ids of the chosen rows.</summary>
    public async Task<List<string>> ChooseAsync(
        Collection collection, EvaluationSample sample, CancellationToken cancellation)
    {
        var random = new Random(sample.Seed);
        var chosen = new List<string>(sample.Count);
        var seen = 0;
        var cursor = "";
        for (var page = 0; page < PagesMax; page++)
        {
            var request = new ScrollVectorsRequest
            {
                CollectionId = collection.Id,
                Cursor = cursor,
                Limit = VectorLimits.ScrollRowsMax,
            };
            var response = await ai.CallAsync(AiCalls.ScrollVectors, request, collection.WorkerId, cancellation);
            foreach (var row in response.Rows)
            {
                // Reservoir sampling (Vitter's algorithm R): the n-th row takes a place with the chance size / n.
                var place = chosen.Count < sample.Count ? chosen.Count : random.Next(seen + 1);
                seen++;
                if (place == chosen.Count) chosen.Add(IdText(row.Id));
                else if (place < sample.Count) chosen[place] = IdText(row.Id);
            }

            cursor = response.NextCursor;
            if (cursor.Length == 0) break;
        }

        return chosen;
    }

    /// <summary>Their vectors, in the order of the batch; null where a row is gone.</summary>
    public async Task<IReadOnlyList<IEnumerable<float>?>> VectorsAsync(
        Collection collection, List<EvaluationQuery> batch, CancellationToken cancellation)
    {
        var request = new GetVectorsRequest { CollectionId = collection.Id };
        request.Ids.AddRange(batch.Select(query => new RowId { Text = query.Row }));
        var response = await ai.CallAsync(AiCalls.GetVectors, request, collection.WorkerId, cancellation);
        var rows = response.Rows.ToDictionary(row => IdText(row.Id), row => row.Vector);
        return batch.ConvertAll(query => (IEnumerable<float>?)rows.GetValueOrDefault(query.Row!));
    }

    public static string IdText(RowId id) =>
        id.KindCase == RowId.KindOneofCase.Integer ? id.Integer.ToString() : id.Text;
}
