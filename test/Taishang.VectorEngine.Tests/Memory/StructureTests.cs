using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Tests.Memory;

public sealed class StructureTests
{
    [Fact]
    public void Packed_nodes_sort_by_distance_then_node_and_come_back_whole()
    {
        float[] distances = [float.MinValue, -2.5f, -1e-30f, 0f, 1e-30f, 1f, 3.5f, float.MaxValue];
        var packed = distances.SelectMany(d => new[] { Ranked.Pack(d, 3), Ranked.Pack(d, int.MaxValue) }).ToArray();

        Assert.Equal(packed.Order(), packed);
        Assert.All(packed, entry => Assert.Contains(Ranked.Distance(entry), distances));
        Assert.All(packed, entry => Assert.True(Ranked.Node(entry) is 3 or int.MaxValue));
    }

    [Fact]
    public void A_bounded_heap_keeps_the_nearest_whatever_the_order_they_come_in()
    {
        var random = new Random(5);
        for (var round = 0; round < 50; round++)
        {
            var items = Enumerable.Range(0, 200).Select(i => new Neighbor(random.Next(20), i)).ToArray();
            random.Shuffle(items);
            var heap = new BoundedHeap<ByRow>();
            heap.Begin(30, default);
            foreach (var item in items)
                heap.Offer(item.Distance, item.Row);

            var expected = items.OrderBy(item => item.Distance).ThenBy(item => item.Row).Take(30);
            Assert.Equal(expected, heap.Finish().ToArray());
        }
    }

    [Fact]
    public void A_pool_is_sorted_bounded_and_hands_each_node_out_once()
    {
        var random = new Random(6);
        var pool = new SortedPool();
        pool.Begin(20);
        var all = new List<ulong>();
        for (var i = 0; i < 300; i++)
        {
            var entry = Ranked.Pack(random.NextSingle(), i);
            all.Add(entry);
            if (entry < pool.Bound)
                pool.Insert(entry);
        }

        Assert.Equal(all.Order().Take(20), pool.Entries.ToArray());
        var from = 0;
        var taken = new List<int>();
        for (int node; (node = pool.TakeNext(ref from)) >= 0;)
            taken.Add(node);
        Assert.Equal(20, taken.Distinct().Count());
    }

    [Fact]
    public void Visits_are_forgotten_between_walks_also_when_the_walk_number_wraps()
    {
        var visited = new VisitedSet();
        for (var walk = 0; walk < ushort.MaxValue + 10; walk++)
        {
            visited.Begin(10);
            Assert.True(visited.TryVisit(walk % 10));
            Assert.False(visited.TryVisit(walk % 10));
            Assert.True(visited.TryVisit((walk + 1) % 10));
        }
    }

    [Fact]
    public void A_visit_that_is_taken_back_can_be_made_again()
    {
        var visited = new VisitedSet();
        visited.Begin(10);
        visited.TryVisit(3);
        visited.TryVisit(4);

        visited.Forget(3);

        Assert.True(visited.TryVisit(3));
        Assert.False(visited.TryVisit(4));
    }

    [Fact]
    public void A_bitmap_tells_its_next_row()
    {
        var bitmap = new RowBitmap(300);
        foreach (var row in new[] { 0, 63, 64, 299 })
            bitmap.Add(row);

        Assert.Equal(
            [0, 63, 63, 64, 299, 299, -1, -1], new[] { 0, 1, 63, 64, 65, 299, 300, -1 }.Select(bitmap.Next));
    }

    [Fact]
    public void Bits_past_the_last_row_stay_zero()
    {
        var bitmap = new RowBitmap(70);
        bitmap.Invert();
        Assert.Equal(70, bitmap.CountSet());
        bitmap.Invert();
        Assert.Equal(0, bitmap.CountSet());
        bitmap.Fill();
        Assert.Equal(70, bitmap.CountSet());
    }

    [Fact]
    public unsafe void Rows_keep_their_address_while_more_are_added()
    {
        using var rows = new ChunkedRows(4096);
        rows.EnsureRows(1);
        var first = (nint)rows.Row(0);
        *(int*)rows.Row(0) = 42;
        rows.EnsureRows(100_000);

        Assert.Equal(first, (nint)rows.Row(0));
        Assert.Equal(42, *(int*)rows.Row(0));
    }

    private readonly struct ByRow : ITieBreak
    {
        public int Compare(int left, int right) => left.CompareTo(right);
    }
}
