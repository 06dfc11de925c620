using System.Globalization;
using System.Text.RegularExpressions;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>
/// Every filter with every sort over three months: the page and the total are right, and the plans that the database
/// used show that indexes alone gave them and that about as many rows were read as are shown.
/// </summary>
public sealed partial class ListPlanTests
{
    private const int Take = 20;

    /// <summary>A page's rows are read in pieces, from each lane and each month at least one.</summary>
    private const int RowsMax = 2_000;

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Every_filter_with_every_sort_is_answered_by_indexes_or_refused(Dialect dialect)
    {
        await using var data = await DatabaseWorld.CreateFrozenAsync(dialect);
        await ListHistory.FillAsync(data);
        await using var spy = new SpyDatabase(data.Database);
        var list = new TaskList(spy, data.Tables) { SortedMax = 4_000 };
        var (answered, refused) = (0, 0);
        foreach (var filter in Filters())
        {
            foreach (var sortField in TaskList.SortFields)
            {
                foreach (var descending in (bool[])[true, false])
                {
                    spy.Plans.Clear();
                    if (await CheckAsync(list, filter, sortField, descending)) answered++;
                    else refused++;
                    var sorted = TaskWalks.Of(filter, sortField) == TaskWalk.Sorted;
                    foreach (var plan in spy.Plans) CheckPlan(dialect, plan, sorted, $"{filter} by {sortField}");
                }
            }
        }

        Assert.True(answered > 400, $"{answered} were answered");
        Assert.True(refused > 100, $"{refused} were refused");
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Pages_follow_one_another_to_the_last_over_lanes_and_months(Dialect dialect)
    {
        await using var data = await DatabaseWorld.CreateFrozenAsync(dialect);
        await ListHistory.FillAsync(data);
        var list = new TaskList(data.Database, data.Tables);
        TaskFilter[] filters =
        [
            new(), new() { Type = "evaluation" }, new() { Status = "failed", Priority = 5 },
            new() { LabelKey = "rare", LabelValue = "x" }, new() { LabelKey = "rare", LabelValue = "x", Priority = 4 },
        ];
        foreach (var filter in filters)
        {
            foreach (var (sortField, descending) in (IEnumerable<(string, bool)>)
                [("created_at", true), ("created_at", false), ("priority", true), ("updated_at", false)])
            {
                var expected = ListHistory.Of(filter, sortField, descending).Select(row => row.Id).ToList();
                if (TaskWalks.Of(filter, sortField) == TaskWalk.Sorted && expected.Count > list.SortedMax) continue;
                // About a dozen places, with the ends of months and of lanes among them.
                for (long skip = 0; skip < expected.Count + 200; skip += 1 + (expected.Count / 11))
                {
                    var (tasks, total) = await list.ReadAsync(filter, sortField, descending, (skip, 200), default);
                    Assert.Equal(expected.Count, total);
                    Assert.Equal(expected.Skip((int)skip).Take(200), tasks.Select(task => task.Id));
                }
            }
        }
    }

    /// <summary>False when it is refused, as it must be.</summary>
    private static async Task<bool> CheckAsync(TaskList list, TaskFilter filter, string sortField, bool descending)
    {
        var expected = ListHistory.Of(filter, sortField, descending).ToList();
        if (TaskWalks.Of(filter, sortField) == TaskWalk.Sorted && Narrowest(filter) > list.SortedMax)
        {
            var refusal = await Assert.ThrowsAsync<ApiException>(
                () => list.ReadAsync(filter, sortField, descending, (0, Take), default));
            Assert.Equal(ErrorCodes.InvalidArgument, refusal.Code);
            Assert.Contains("created_from", refusal.Message, StringComparison.Ordinal);
            return false;
        }

        var (tasks, total) = await list.ReadAsync(filter, sortField, descending, (0, Take), default);
        Assert.Equal(expected.Count, total);
        Assert.Equal(expected.Take(Take).Select(row => row.Id), tasks.Select(task => task.Id));
        return true;
    }

    /// <summary>What the index leaves that a sorted list is read from.</summary>
    private static int Narrowest(TaskFilter filter)
    {
        var left = filter.HasOwner
            ? filter with { Type = null, Status = null, Priority = null }
            : filter;
        if (left.ParentId is not null) left = left with { LabelKey = null, LabelValue = null };
        return ListHistory.Of(left, "created_at", false).Count();
    }

    private static IEnumerable<TaskFilter> Filters() =>
        from type in (string?[])[null, "index"]
        from status in (string?[])[null, "failed"]
        from priority in (int?[])[null, 5]
        from parent in (string?[])[null, "many", "few"]
        from label in (string?[])[null, "team", "rare"]
        from ranged in (bool[])[false, true]
        select new TaskFilter
        {
            Type = type,
            Status = status,
            Priority = priority,
            ParentId = parent,
            LabelKey = label,
            LabelValue = label is null ? null : label == "team" ? "a" : "x",
            CreatedFrom = ranged ? ListHistory.Months[2].Start.AddSeconds(7_500) : null,
            CreatedTo = ranged ? ListHistory.Months[0].Start.AddSeconds(100) : null,
        };

    private static void CheckPlan(Dialect dialect, string plan, bool sorted, string asked)
    {
        // A month's counts are few rows whatever it has, and are read whole.
        if (plan.Contains("tai_task_counts_", StringComparison.Ordinal)) return;
        // The month that is made ahead has none yet, and nothing to choose an index for.
        if (plan.Contains("_202612", StringComparison.Ordinal)) return;
        var what = $"{asked}\n{plan}";
        var counts = plan.Contains("SELECT count(*)", StringComparison.Ordinal);
        var overMonths = plan.Contains("UNION ALL", StringComparison.Ordinal);
        if (dialect == Dialect.Sqlite)
        {
            // The months that are united are read by their index each, and those rows alone are sorted.
            Assert.True(overMonths || !plan.Contains("TEMP B-TREE", StringComparison.Ordinal), what);
            foreach (var line in plan.Split('\n').Where(line => line.StartsWith("SCAN ", StringComparison.Ordinal)))
            {
                var ofIndex = line.Contains("USING COVERING INDEX ix_tai_tasks_", StringComparison.Ordinal);
                Assert.True((overMonths && ofIndex) || line.StartsWith("SCAN (", StringComparison.Ordinal)
                    || line is "SCAN months" || line.StartsWith("SCAN m2", StringComparison.Ordinal), what);
            }

            return;
        }

        Assert.True(!plan.Contains("Seq Scan", StringComparison.Ordinal), what);
        Assert.True(!plan.Contains("Rows Removed by", StringComparison.Ordinal), what);
        if (counts) Assert.Contains("Index Only Scan", plan, StringComparison.Ordinal);
        // How many there are of a parent, a label or a range is counted one by one, and few are sorted here.
        if (counts || sorted) return;
        if (!overMonths) Assert.True(!plan.Contains("Sort", StringComparison.Ordinal), what);
        var read = ScannedRows().Matches(plan).Sum(match =>
            long.Parse(match.Groups["rows"].Value, CultureInfo.InvariantCulture)
            * long.Parse(match.Groups["loops"].Value, CultureInfo.InvariantCulture));
        Assert.True(read <= RowsMax, $"{read} rows were read: {what}");
    }

    [GeneratedRegex(
        @"Scan[^\n]*\(actual rows=(?<rows>\d+) loops=(?<loops>\d+)\)", RegexOptions.CultureInvariant, 1_000)]
    private static partial Regex ScannedRows();
}
